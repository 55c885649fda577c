using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Weir.Access;

namespace Weir.Shards;

/// <summary>Registers a front in place of a Weir: <c>services.AddWeirFront(configuration)</c>.</summary>
public static class ShardFrontServices
{
    /// <summary>Whether the settings (<c>Weir:Shards</c>) make this app a front.</summary>
    public static bool IsWeirFront(this IConfiguration configuration) => ShardMap.IsFront(configuration);

    /// <summary>
    /// Expects a <see cref="Azure.Data.Tables.TableServiceClient"/>: the front's own. Everything of <see cref="WeirServices.AddWeir"/> is known, since the functions ask for it when they are listed, but nothing of it
    /// is made, and none of its loops runs.
    /// </summary>
    public static IServiceCollection AddWeirFront(this IServiceCollection services, IConfiguration configuration)
    {
        var others = services.Where(IsLoop).ToHashSet();
        services.AddWeir(configuration);
        foreach (var loop in services.Where(service => IsLoop(service) && !others.Contains(service)).ToArray())
            services.Remove(loop);

        services.AddSingleton(_ => new ShardMap(configuration));
        services.AddSingleton<ShardTable>().AddSingleton<ShardPages>().AddSingleton<ShardBroadcast>().AddSingleton<ShardDoctor>().AddSingleton<ShardHealth>();
        services.AddSingleton(provider => new ShardAssignment(provider.GetRequiredService<ShardMap>(), provider.GetRequiredService<ShardTable>(), provider.GetRequiredService<ILogger<ShardAssignment>>()));
        services.AddSingleton(provider => new ShardCalls(ShardCalls.NewInvoker(), provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<ShardCalls>>()));
        services.AddSingleton(provider => new ShardFront(
            provider.GetRequiredService<Admission>(), provider.GetRequiredService<ShardAssignment>(), provider.GetRequiredService<ShardMap>(), provider.GetRequiredService<ShardCalls>(),
            provider.GetRequiredService<ShardPages>(), provider.GetRequiredService<ShardBroadcast>(), provider.GetRequiredService<ShardDoctor>(), provider.GetRequiredService<ShardHealth>(), provider.GetRequiredService<ILogger<ShardFront>>()));
        services.AddHostedService<Setup>();
        return services;
    }

    private static bool IsLoop(ServiceDescriptor service) => service.ServiceType == typeof(IHostedService);

    /// <summary>Before the first request: the settings are sound, and the table is there.</summary>
    private sealed class Setup(ShardTable table, ShardMap shards, Admission admission) : IHostedService
    {
        public async Task StartAsync(CancellationToken cancellationToken)
        {
            _ = (shards, admission); // made now, so that a wrong setting stops the start
            try
            {
                await table.CreateIfMissingAsync(cancellationToken);
            }
            catch (Exception away) when (StoreAway.Explains(away))
            {
                throw new InvalidOperationException($"The table of shards cannot be reached: {away.GetBaseException().Message} Check the connection '{AzureConnections.Storage}', and that this identity may write tables there.", away);
            }
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
