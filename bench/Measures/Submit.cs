namespace Bench.Measures;

/// <summary>How many jobs are accepted: one by one with 32 calls in flight, or 500 a call with one call at a time. Nothing runs them meanwhile.</summary>
internal static class Submit
{
    private const int InFlight = 32;
    private const int PerCall = 500;
    private const int BulkWarmUp = 2_000;

    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(1.5);
    private static readonly TimeSpan Counted = TimeSpan.FromSeconds(4);

    public static async Task<Dictionary<string, double>> RunAsync(RunOptions run)
    {
        await using var app = await App.StartAsync(run.Data, runs: false);
        await Fill.Async(app, run.Type, run.Waiting, run.Tenants);
        var latencies = new List<double>[InFlight];
        var (id, accepted, counts, stop) = (run.Waiting, run.Waiting, false, false);

        async Task SendAsync(int lane)
        {
            using var connection = run.Http ? await Connection.OpenAsync(app.Port) : null;
            var own = latencies[lane] = [];
            while (!Volatile.Read(ref stop))
            {
                var start = TimeProvider.System.GetTimestamp();
                var payload = BenchPayload.Of(Interlocked.Increment(ref id));
                if (connection is null)
                    await app.SubmitAsync(run.Type, payload);
                else
                    await PostAsync(connection, run.Type, payload);
                Interlocked.Increment(ref accepted);
                if (Volatile.Read(ref counts) && !Volatile.Read(ref stop))
                    own.Add(TimeProvider.System.GetElapsedTime(start).TotalMilliseconds);
            }
        }

        var lanes = Enumerable.Range(0, InFlight).Select(lane => Task.Run(() => SendAsync(lane))).ToArray();
        await Task.Delay(WarmUp);
        Volatile.Write(ref counts, true);
        var (began, before) = (TimeProvider.System.GetTimestamp(), Usage.Now());
        await Task.Delay(Counted);
        Volatile.Write(ref stop, true);
        var (seconds, used) = (TimeProvider.System.GetElapsedTime(began).TotalSeconds, Usage.Now().Since(before));
        await Task.WhenAll(lanes);
        double[] all = [.. latencies.SelectMany(own => own).Order()];
        await CheckAsync(app, accepted);
        return Figures.Of(all.Length, seconds, used, ("p50_ms", Figures.Percentile(all, 50)), ("p99_ms", Figures.Percentile(all, 99)));
    }

    public static async Task<Dictionary<string, double>> RunBulkAsync(RunOptions run)
    {
        await using var app = await App.StartAsync(run.Data, runs: false);
        using var connection = run.Http ? await Connection.OpenAsync(app.Port) : null;
        await SendAsync(0, BulkWarmUp);
        var (began, before) = (TimeProvider.System.GetTimestamp(), Usage.Now());
        await SendAsync(BulkWarmUp, run.Jobs);
        var figures = Figures.Of(run.Jobs, TimeProvider.System.GetElapsedTime(began).TotalSeconds, Usage.Now().Since(before));
        await CheckAsync(app, BulkWarmUp + run.Jobs);
        return figures;

        async Task SendAsync(int from, int jobs)
        {
            for (var i = from; i < from + jobs; i += PerCall)
            {
                var payloads = Enumerable.Range(i, PerCall).Select(id => BenchPayload.Of(id)).ToArray();
                if (connection is null)
                    await app.SubmitAsync(run.Type, payloads);
                else
                    await PostBulkAsync(connection, run.Type, payloads);
            }
        }
    }

    private static async Task PostAsync(Connection connection, string type, BenchPayload payload)
    {
        var (status, body) = await connection.PostAsync("/api/jobs", "application/json", Sockets.Submission(type, payload));
        Check.That(status == 202, $"a job is accepted: {status} {body}");
    }

    private static async Task PostBulkAsync(Connection connection, string type, BenchPayload[] payloads)
    {
        using var lines = new MemoryStream();
        foreach (var payload in payloads)
        {
            lines.Write(Sockets.Submission(type, payload));
            lines.Write("\n"u8);
        }
        var (status, body) = await connection.PostAsync("/api/jobs/bulk", "application/x-ndjson", lines.ToArray());
        var accepted = body.Split("\"status\":202").Length - 1;
        Check.That(status == 200 && accepted == payloads.Length, $"{payloads.Length} jobs are accepted: {status}, {accepted}");
    }

    /// <summary>Every acknowledged job has its receipt and its message.</summary>
    private static async Task CheckAsync(App app, int accepted)
    {
        Check.That(await app.UnsettledAsync() == accepted, $"the queue holds the {accepted} accepted jobs: {await app.UnsettledAsync()}");
        if (accepted > 300_000)
            return; // the count of the queue stands for it: reading a million receipts takes longer than the run
        var receipts = await Check.ReceiptsAsync(app);
        Check.That(receipts.GetValueOrDefault(("Queued", 0)) == accepted && receipts.Count == 1, $"each of the {accepted} accepted jobs has a receipt");
    }
}

/// <summary>Puts jobs into the queue before the measured part.</summary>
internal static class Fill
{
    private const int PerCall = 1_000;
    private const int AtOnce = 4;

    public static async Task Async(App app, string type, int jobs, int tenants)
    {
        if (tenants > 1)
        {
            await Parallel.ForEachAsync(Enumerable.Range(0, jobs), new ParallelOptions { MaxDegreeOfParallelism = 64 },
                async (id, _) => await app.SubmitAsync(type, BenchPayload.Of(id), $"tenant{id % tenants}"));
            return;
        }
        await Parallel.ForEachAsync(Enumerable.Range(0, jobs).Chunk(PerCall), new ParallelOptions { MaxDegreeOfParallelism = AtOnce },
            async (ids, _) => await app.SubmitAsync(type, [.. ids.Select(id => BenchPayload.Of(id))]));
    }
}
