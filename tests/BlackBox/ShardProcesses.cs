using System.Globalization;
using System.Net;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace BlackBox.Tests;

/// <summary>
/// Several whole Weirs, each with a broker and tables of its own, behind a front. With <c>WEIR_SHARDS=3</c> every test of this project gets one in place of a single process, and none of them can tell.
/// </summary>
internal static class ShardProcesses
{
    /// <summary>How many shards a test gets that does not ask for any; null: none, it gets the app itself.</summary>
    public static int? Wanted { get; } = int.TryParse(Environment.GetEnvironmentVariable("WEIR_SHARDS"), NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? count : null;

    /// <summary>What a front must not run: every function of infra/functions.json.</summary>
    private static (string Name, string Value)[] NoTriggers { get; } =
    [
        .. from @group in JsonElement.Parse(File.ReadAllText(FunctionGroups)).EnumerateObject()
           from function in @group.Value.EnumerateArray()
           select ($"AzureWebJobs.{function.GetString()}.Disabled", "true"),
    ];

    private static string FunctionGroups =>
        typeof(ShardProcesses).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(one => one.Key == "FunctionGroups").Value!;

    /// <summary>Shards and front, as one.</summary>
    public static async Task<WeirProcess> StartAsync(int count, string app, string data, (string Name, string Value)[] settings)
    {
        var run = NameOf(data);
        var shards = new List<WeirProcess>();
        try
        {
            var starting = Enumerable.Range(0, count).Select(i => WeirProcess.StartOneAsync(app, Path.Combine(data, $"shard-{i}"), WeirProcess.FreePort(), [], settings)).ToArray();
            foreach (var one in starting)
                await one.ContinueWith(ended => { if (ended.IsCompletedSuccessfully) shards.Add(ended.Result); }, TaskScheduler.Default);
            await Task.WhenAll(starting);
            return await StartFrontAsync(app, data, WeirProcess.FreePort(), shards, [.. shards.Select((shard, i) => ($"{run}-{i}", shard.Port, false))], settings);
        }
        catch
        {
            foreach (var shard in shards)
                await shard.DisposeAsync();
            throw;
        }
    }

    /// <param name="app">Functions.dll.</param>
    /// <param name="data">The directory of the whole; the front's own lies in it.</param>
    /// <param name="port">Where it listens.</param>
    /// <param name="behind">Those that end with it.</param>
    /// <param name="shards">Whom it knows.</param>
    /// <param name="settings">As environment variables.</param>
    public static Task<WeirProcess> StartFrontAsync(
        string app, string data, int port, IReadOnlyList<WeirProcess> behind, IReadOnlyList<(string Name, int Port, bool Closed)> shards, (string Name, string Value)[] settings) =>
        WeirProcess.StartOneAsync(app, Path.Combine(data, "front"), port, behind,
        [
            .. settings, .. NoTriggers,
            .. shards.SelectMany((shard, i) => new[]
            {
                ($"Weir__Shards__{i}__Name", shard.Name),
                ($"Weir__Shards__{i}__Url", $"http://127.0.0.1:{shard.Port}"),
                ($"Weir__Shards__{i}__Closed", shard.Closed ? "true" : "false"),
            }),
        ]);

    /// <summary>
    /// Part of the shards' names, and so of where a tenant goes: of each data directory another, so that the tests' one tenant is not always on the same shard; and the same when it is started again.
    /// </summary>
    private static string NameOf(string data) => $"s{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(data)).AsSpan(0, 4))}";

    /// <summary>
    /// A test that kills the app expects its connection to break. A front outlives a shard by a moment, and says that there was no answer: to a client the same, that nothing was promised.
    /// </summary>
    public sealed class NoAnswer() : DelegatingHandler(new SocketsHttpHandler())
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var response = await base.SendAsync(request, cancellationToken);
            if (response.StatusCode != HttpStatusCode.ServiceUnavailable)
                return response;
            await response.Content.LoadIntoBufferAsync(cancellationToken);
            var problem = await response.ReadJsonAsync();
            if (problem.ValueKind == JsonValueKind.Object && problem.Text("code") == "shardUnavailable")
                throw new HttpRequestException($"The shard died: {problem}");
            return response;
        }
    }
}
