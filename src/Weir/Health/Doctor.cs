using Azure;
using Azure.Data.Tables;
using Azure.Messaging.ServiceBus;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Weir.Catalog;
using Weir.Instances;
using Weir.Lanes;
using Weir.Reconciliation;
using Weir.SyntheticCheck;

namespace Weir.Health;

internal enum DoctorOutcome
{
    Ok,

    /// <summary>It works, and is not as it should be.</summary>
    Warning,

    /// <summary>Something does not work.</summary>
    Failed,

    /// <summary>It could not be looked at, or has nothing to say here.</summary>
    Skipped,
}

/// <summary>One thing that was looked at.</summary>
internal sealed record DoctorCheck(string Area, string Name, DoctorOutcome Outcome, string Detail, double? LatencyMs = null)
{
    public static DoctorCheck Ok(string area, string name, string detail, TimeSpan? latency = null) => new(area, name, DoctorOutcome.Ok, detail, Ms(latency));

    public static DoctorCheck Warning(string area, string name, string detail) => new(area, name, DoctorOutcome.Warning, detail);

    public static DoctorCheck Failed(string area, string name, string detail, TimeSpan? latency = null) => new(area, name, DoctorOutcome.Failed, detail, Ms(latency));

    public static DoctorCheck Skipped(string area, string name, string detail) => new(area, name, DoctorOutcome.Skipped, detail);

    private static double? Ms(TimeSpan? latency) => latency is { } time ? Math.Round(time.TotalMilliseconds, 1) : null;
}

/// <summary>
/// Looks at everything that an instance relies on, and says what is not as it should be: dependencies, what it may do at each table and queue, clocks, settings, host.json, versions, and what the
/// reconciler finds. It writes nothing but what a round of the reconciler repairs; a permission is tried by a request that would change nothing.
/// </summary>
internal sealed class Doctor(
    Dependencies dependencies, Reconciler reconciler, FindingTable findings, TableServiceClient tables, ServiceBusClient broker, InstanceTable instances, SyntheticChecks synthetic, JobCatalog catalog,
    IConfiguration configuration, IOptions<WeirOptions> options, IOptions<ReconcileOptions> reconcile, IHostEnvironment environment, TimeProvider clock)
{
    private const int MostTables = 100;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>A lease is taken over a second after its end, so that clocks may differ by less.</summary>
    private static readonly TimeSpan MostSkew = TimeSpan.FromSeconds(1);

    /// <summary>Of the form that Table storage asks for; no row has it.</summary>
    private static readonly ETag NoEntitys = new("W/\"datetime'2000-01-01T00%3A00%3A00.0000000Z'\"");

    private static readonly TimeSpan Recently = TimeSpan.FromHours(1);

    private readonly SemaphoreSlim one = new(1);

    /// <returns>Null while another request has it look: it is dear.</returns>
    public async Task<IReadOnlyList<DoctorCheck>?> LookAsync(CancellationToken cancellation)
    {
        if (!one.Wait(0, cancellation))
            return null;
        try
        {
            var checks = new List<DoctorCheck>();
            checks.AddRange((await dependencies.AskAsync(cancellation)).Select(Of));
            checks.AddRange(await TablesAsync(cancellation));
            checks.AddRange(await QueuesAsync(cancellation));
            checks.AddRange(SettingsCheck.Of(configuration, options.Value, reconcile.Value, catalog, environment.IsDevelopment()));
            checks.AddRange(HostFileCheck.Of(configuration, AppContext.BaseDirectory, catalog.Types.Select(type => type.Timeout).DefaultIfEmpty().Max()));
            checks.Add(await TryAsync("versions", "instances", VersionsAsync, cancellation));
            checks.Add(await TryAsync("reconciler", "round", RoundAsync, cancellation));
            checks.Add(await TryAsync("reconciler", "findings", FindingsAsync, cancellation));
            checks.Add(Synthetic());
            return checks;
        }
        finally
        {
            one.Release();
        }
    }

    private static DoctorCheck Of(DependencyState state) => state.IsUp
        ? DoctorCheck.Ok("connectivity", state.Name, "it answers", state.Latency)
        : state.IsCritical ? DoctorCheck.Failed("connectivity", state.Name, $"it does not answer, and no job is accepted without it: {state.Detail}", state.Latency)
        : DoctorCheck.Warning("connectivity", state.Name, $"it does not answer: {state.Detail}");

    private async Task<IReadOnlyList<DoctorCheck>> TablesAsync(CancellationToken cancellation)
    {
        try
        {
            var names = new List<string>();
            using var late = Late(cancellation);
            await foreach (var table in tables.QueryAsync(maxPerPage: MostTables, cancellationToken: late.Token))
            {
                if (names.Count < MostTables)
                    names.Add(table.Name);
            }
            var checks = new List<DoctorCheck>();
            foreach (var name in names.Order(StringComparer.Ordinal))
                checks.Add(await TryAsync("permissions", $"table {name}", token => TableAsync(name, token), cancellation));
            checks.Add(await TryAsync("clock", "storage", ClockAsync, cancellation));
            return checks;
        }
        catch (Exception away) when (StoreAway.Explains(away) || (away is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            return [DoctorCheck.Failed("permissions", "tables", $"they cannot be listed: {away.GetBaseException().Message}")];
        }
    }

    /// <summary>Reads one row that is not there, and deletes it: whoever may not, is told so first.</summary>
    private async Task<DoctorCheck> TableAsync(string name, CancellationToken cancellation)
    {
        var (table, began) = (tables.GetTableClient(name), clock.GetTimestamp());
        await table.GetEntityIfExistsAsync<TableEntity>("weir-doctor", "-", cancellationToken: cancellation);
        var latency = clock.GetElapsedTime(began);
        try
        {
            await table.DeleteEntityAsync("weir-doctor", "-", NoEntitys, cancellation);
        }
        catch (RequestFailedException missing) when (missing.Status is 404 or 412)
        {
            // It may write: there is only nothing to write.
        }
        return DoctorCheck.Ok("permissions", $"table {name}", "read, write", latency);
    }

    private async Task<IReadOnlyList<DoctorCheck>> QueuesAsync(CancellationToken cancellation)
    {
        var checks = new List<DoctorCheck>();
        foreach (var queue in Enum.GetValues<Queue>().Select(QueueNames.Of))
        {
            checks.Add(await TryAsync("permissions", $"queue {queue}", token => ListenAsync(queue, SubQueue.None, token), cancellation));
            checks.Add(await TryAsync("permissions", $"queue {queue}{QueueNames.DeadLetters}", token => ListenAsync(queue, SubQueue.DeadLetter, token), cancellation));
        }
        checks.Add(await TryAsync("permissions", $"topic {QueueNames.Events}", token => SendAsync(QueueNames.Events, "send", token), cancellation));
        return checks;
    }

    private async Task<DoctorCheck> ListenAsync(string queue, SubQueue part, CancellationToken cancellation)
    {
        var began = clock.GetTimestamp();
        await using var receiver = broker.CreateReceiver(queue, new ServiceBusReceiverOptions { SubQueue = part });
        await receiver.PeekMessageAsync(cancellationToken: cancellation);
        var latency = clock.GetElapsedTime(began);
        if (part == SubQueue.None)
            await SendAsync(queue, "send", cancellation);
        return DoctorCheck.Ok("permissions", part == SubQueue.None ? $"queue {queue}" : $"queue {queue}{QueueNames.DeadLetters}", part == SubQueue.None ? "listen, send" : "listen", latency);
    }

    /// <summary>Opens the link over which messages would go, and sends none.</summary>
    private async Task<DoctorCheck> SendAsync(string entity, string what, CancellationToken cancellation)
    {
        var began = clock.GetTimestamp();
        await using var sender = broker.CreateSender(entity);
        using var batch = await sender.CreateMessageBatchAsync(cancellation);
        return DoctorCheck.Ok("permissions", $"topic {entity}", what, clock.GetElapsedTime(began));
    }

    private async Task<DoctorCheck> ClockAsync(CancellationToken cancellation)
    {
        var before = clock.GetUtcNow();
        var answer = await tables.GetTableClient("Receipts").GetEntityIfExistsAsync<TableEntity>("weir-doctor", "-", cancellationToken: cancellation);
        var after = clock.GetUtcNow();
        if (answer.GetRawResponse().Headers.Date is not { } theirs)
            return DoctorCheck.Skipped("clock", "storage", "it tells no time: an embedded store has this machine's");
        // Its time is of whole seconds, somewhere between the question and the answer.
        var ahead = theirs > after ? theirs - after : theirs + TimeSpan.FromSeconds(1) < before ? theirs + TimeSpan.FromSeconds(1) - before : TimeSpan.Zero;
        return ahead.Duration() <= MostSkew
            ? DoctorCheck.Ok("clock", "storage", "this instance's clock agrees with it, to a second")
            : DoctorCheck.Warning("clock", "storage", FormattableString.Invariant($"this instance's clock is {ahead.Duration().TotalSeconds:0.0} s {(ahead > TimeSpan.Zero ? "behind" : "ahead")}: leases may be taken over too early or too late"));
    }

    private async Task<DoctorCheck> VersionsAsync(CancellationToken cancellation)
    {
        var now = clock.GetUtcNow();
        var alive = (await instances.ReadAsync(cancellation)).Where(one => one.SeenAt + Heartbeat.Interval * 3 > now).ToArray();
        var versions = alive.Select(one => one.Version).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToArray();
        return versions.Length <= 1
            ? DoctorCheck.Ok("versions", "instances", $"{alive.Length} alive, of version {(versions.Length == 0 ? "unknown" : versions[0])}")
            : DoctorCheck.Warning("versions", "instances", $"{alive.Length} alive, of {versions.Length} versions ({string.Join(", ", versions.Take(5))}): is a deployment under way?");
    }

    private async Task<DoctorCheck> RoundAsync(CancellationToken cancellation)
    {
        var round = await reconciler.RoundAsync(cancellation);
        if (!round.Ours)
            return DoctorCheck.Skipped("reconciler", "round", "another instance has the turn; its findings are below");
        return round.Found.Count == 0
            ? DoctorCheck.Ok("reconciler", "round", "nothing was found that would not go on by itself")
            : DoctorCheck.Warning("reconciler", "round", $"{round.Found.Count} jobs were found, {round.Found.Count(one => one.Repair != FindingRepair.None)} of them brought on: weir findings");
    }

    private async Task<DoctorCheck> FindingsAsync(CancellationToken cancellation)
    {
        var (found, _) = await findings.ReadAsync("", most: 100, tenant: null, cancellation);
        var open = found.Where(one => one.Repair == FindingRepair.None && one.At > clock.GetUtcNow() - Recently).ToArray();
        return open.Length == 0
            ? DoctorCheck.Ok("reconciler", "findings", "none in the last hour that nobody could repair")
            : DoctorCheck.Warning("reconciler", "findings", $"{open.Length} in the last hour that nobody could repair, the newest: {open[0].Kind}, {open[0].Detail}");
    }

    private DoctorCheck Synthetic()
    {
        if (!synthetic.IsEnabled)
            return DoctorCheck.Skipped("synthetic check", "all queues", "it is switched off, or its job type is not served here");
        if (synthetic.Last is not { } round)
            return DoctorCheck.Skipped("synthetic check", "all queues", "another instance makes it, or none was made yet");
        var failed = round.Results.Where(one => one.Outcome == CheckOutcome.Failed).ToArray();
        return failed.Length == 0
            ? DoctorCheck.Ok("synthetic check", "all queues", "the last one succeeded", round.Results.Select(one => one.Time).DefaultIfEmpty().Max())
            : DoctorCheck.Failed("synthetic check", "all queues", string.Join(" ", failed.Select(one => $"{one.Queue}: {one.Detail}")));
    }

    private async Task<DoctorCheck> TryAsync(string area, string name, Func<CancellationToken, Task<DoctorCheck>> look, CancellationToken cancellation)
    {
        using var late = Late(cancellation);
        try
        {
            return await look(late.Token);
        }
        catch (Exception refused) when (refused is RequestFailedException { Status: 401 or 403 } or UnauthorizedAccessException)
        {
            return DoctorCheck.Failed(area, name, $"this identity may not: {refused.Message.Split('\n')[0]}");
        }
        catch (Exception away) when (StoreAway.Explains(away) || (away is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            return DoctorCheck.Failed(area, name, $"it does not answer: {away.GetBaseException().Message.Split('\n')[0]}");
        }
    }

    private LateToken Late(CancellationToken cancellation) => new(clock, cancellation);

    /// <summary>Fires when somebody stops it, or when its time is over.</summary>
    private sealed class LateToken : IDisposable
    {
        private readonly CancellationTokenSource time;
        private readonly CancellationTokenSource either;

        public LateToken(TimeProvider clock, CancellationToken cancellation)
        {
            time = new CancellationTokenSource(Patience, clock);
            either = CancellationTokenSource.CreateLinkedTokenSource(time.Token, cancellation);
        }

        public CancellationToken Token => either.Token;

        public void Dispose()
        {
            either.Dispose();
            time.Dispose();
        }
    }
}
