namespace Bench.Measures;

/// <summary>One job each 3.33 ms, whether or not the one before has ended, for 20 s after 3 s of warm-up: from the call until the handler has finished.</summary>
internal static class Latency
{
    private const int PerSecond = 300;
    private const int WarmUpSeconds = 3;
    private const int Seconds = 20;

    public static async Task<Dictionary<string, double>> RunAsync(RunOptions run)
    {
        await using var app = await App.StartAsync(run.Data, runs: true);
        var connections = new Stack<Connection>();
        const int jobs = PerSecond * Seconds;
        app.Tally.Expect(jobs, jobs);
        await SendAsync(PerSecond * WarmUpSeconds, isWarmUp: true);
        var (began, before) = (TimeProvider.System.GetTimestamp(), Usage.Now());
        var worstLag = await SendAsync(jobs, isWarmUp: false);
        await app.Tally.All.WaitAsync(TimeSpan.FromSeconds(30));
        var used = Usage.Now().Since(before);
        var seconds = TimeProvider.System.GetElapsedTime(began).TotalSeconds;
        while (await app.UnsettledAsync() > 0)
            await Task.Delay(10);
        var latencies = app.Tally.Latencies;
        Check.That(app.Tally.Runs.All(count => count == 1) && latencies.Length == jobs, "each job had one effect");
        var receipts = await Check.ReceiptsAsync(app);
        Check.That(receipts.GetValueOrDefault(("Succeeded", 1)) == jobs + PerSecond * WarmUpSeconds && receipts.Count == 1, "every receipt is final");
        return Figures.Of(jobs, seconds, used,
            ("p50_ms", Figures.Percentile(latencies, 50)), ("p95_ms", Figures.Percentile(latencies, 95)), ("p99_ms", Figures.Percentile(latencies, 99)), ("max_ms", latencies[^1]), ("worst_arrival_lag_ms", worstLag));

        async Task<double> SendAsync(int count, bool isWarmUp)
        {
            var sent = new Task[count];
            var worst = 0.0;
            await Task.Factory.StartNew(
                () =>
                {
                    var start = TimeProvider.System.GetTimestamp();
                    for (var i = 0; i < count; i++)
                    {
                        var due = i * 1000.0 / PerSecond;
                        while (TimeProvider.System.GetElapsedTime(start).TotalMilliseconds < due)
                            Thread.Sleep(1);
                        worst = Math.Max(worst, TimeProvider.System.GetElapsedTime(start).TotalMilliseconds - due);
                        sent[i] = SendOneAsync(BenchPayload.Of(isWarmUp ? int.MaxValue : i, TimeProvider.System.GetTimestamp()));
                    }
                },
                TaskCreationOptions.LongRunning);
            await Task.WhenAll(sent);
            return worst;
        }

        async Task SendOneAsync(BenchPayload payload)
        {
            if (!run.Http)
            {
                await app.SubmitAsync(run.Type, payload);
                return;
            }
            Connection? connection;
            lock (connections)
                connections.TryPop(out connection);
            connection ??= await Connection.OpenAsync(app.Port); // the loop is open: as many as it takes
            var (status, body) = await connection.PostAsync("/api/jobs", "application/json", Sockets.Submission(run.Type, payload));
            lock (connections)
                connections.Push(connection);
            Check.That(status == 202, $"a job is accepted: {status} {body}");
        }
    }
}
