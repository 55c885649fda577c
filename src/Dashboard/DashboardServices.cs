using Microsoft.Extensions.DependencyInjection;

namespace Dashboard;

/// <summary>Registers the operator's pages: <c>services.AddWeir(configuration); services.AddDashboard();</c></summary>
public static class DashboardServices
{
    /// <summary>Adds the pages at /dashboard. Calling it twice changes nothing.</summary>
    public static IServiceCollection AddDashboard(this IServiceCollection services)
    {
        if (services.Any(service => service.ServiceType == typeof(DashboardFace)))
            return services;
        services.AddSingleton<Drawing.Artist>().AddSingleton<Reading.Faces>().AddSingleton<Reading.KeySearch>().AddSingleton<Reading.Contents>().AddSingleton<Actions.Deeds>();
        services.AddSingleton<Reading.OverviewReading>().AddSingleton<Reading.JobsReading>().AddSingleton<Reading.DeadLettersReading>().AddSingleton<Reading.ReplaysReading>().AddSingleton<Reading.WorkflowsReading>().AddSingleton<Reading.RegistersReading>().AddSingleton<Reading.CapacityReading>();
        return services.AddSingleton(provider => new DashboardFace(
            provider.GetRequiredService<Weir.Access.BrowserSessions>(), provider.GetRequiredService<Weir.Access.Admission>(), provider.GetRequiredService<Reading.Contents>(),
            provider.GetRequiredService<Actions.Deeds>(), provider.GetRequiredService<Drawing.Artist>(), provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<Microsoft.Extensions.Logging.ILogger<DashboardFace>>()));
    }
}
