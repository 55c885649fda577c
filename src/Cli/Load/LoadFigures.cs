using Capacity;

namespace Cli.Load;

/// <summary>What has become of the arrivals so far. Requests end on several threads: one lock.</summary>
internal sealed class LoadFigures
{
    private readonly Lock gate = new();
    private readonly LatencyHistogram sinceIntended = new();
    private readonly LatencyHistogram sinceSent = new();
    private readonly SortedDictionary<string, long> refused = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, long> failed = new(StringComparer.Ordinal);
    private readonly List<string> sample = [];
    private long arrivals;
    private long requests;
    private long accepted;
    private long notSent;
    private long gaveUp;
    private int inFlight;
    private int waiting;
    private int most;

    public long Answered
    {
        get
        {
            lock (gate)
                return sinceSent.Count;
        }
    }

    /// <summary>Ids of accepted jobs, evenly drawn from all of them.</summary>
    public IReadOnlyList<string> Sample
    {
        get
        {
            lock (gate)
                return [.. sample];
        }
    }

    public void Arrived()
    {
        lock (gate)
            arrivals++;
    }

    /// <returns>False when there is no room for another request.</returns>
    public bool TryBegin(int mostInFlight)
    {
        lock (gate)
        {
            if (inFlight >= mostInFlight)
            {
                notSent++;
                return false;
            }
            requests++;
            most = Math.Max(most, ++inFlight);
            return true;
        }
    }

    /// <returns>False when no more may wait.</returns>
    public bool TryWait(int mostWaiting)
    {
        lock (gate)
        {
            if (waiting >= mostWaiting)
            {
                gaveUp++;
                return false;
            }
            waiting++;
            return true;
        }
    }

    public void HasWaited()
    {
        lock (gate)
            waiting--;
    }

    public void GaveUp()
    {
        lock (gate)
            gaveUp++;
    }

    public void Answer(TimeSpan latency, TimeSpan ofTheServer)
    {
        lock (gate)
        {
            inFlight--;
            sinceIntended.Record(latency);
            sinceSent.Record(ofTheServer);
        }
    }

    public void Accept(string id, int mostOfSample, Random chance)
    {
        lock (gate)
        {
            accepted++;
            if (sample.Count < mostOfSample)
                sample.Add(id);
            else if (chance.NextInt64(accepted) is var place && place < mostOfSample)
                sample[(int)place] = id;
        }
    }

    public void Refuse(string code)
    {
        lock (gate)
            refused[code] = refused.GetValueOrDefault(code) + 1;
    }

    /// <summary>No answer came.</summary>
    public void Fail(string what)
    {
        lock (gate)
        {
            inFlight--;
            failed[what] = failed.GetValueOrDefault(what) + 1;
        }
    }

    public LoadReport Report(TimeSpan elapsed)
    {
        lock (gate)
        {
            return new LoadReport(
                elapsed.TotalSeconds, arrivals, requests, elapsed > TimeSpan.Zero ? requests / elapsed.TotalSeconds : 0, accepted, new SortedDictionary<string, long>(refused, StringComparer.Ordinal),
                new SortedDictionary<string, long>(failed, StringComparer.Ordinal), notSent, gaveUp, inFlight, waiting, most, LatencyView.Of(sinceIntended), LatencyView.Of(sinceSent));
        }
    }
}

/// <param name="Arrivals">Jobs that were to be submitted.</param>
/// <param name="Requests">Requests that were sent: more than arrivals when refused clients come again, fewer when there was no room.</param>
/// <param name="Refused">Answers that were refusals, by code.</param>
/// <param name="Failed">Requests without an answer, by what happened.</param>
/// <param name="NotSent">Arrivals that found the most requests in flight.</param>
/// <param name="GaveUp">Clients that were refused too often, or were too many to wait.</param>
/// <param name="Latency">From the moment when a request was to be sent: what a client sees, whatever held this program up.</param>
/// <param name="LatencyOfAnswers">From the moment when it was sent, which hides stalls.</param>
internal sealed record LoadReport(
    double Seconds, long Arrivals, long Requests, double RequestsPerSecond, long Accepted, IReadOnlyDictionary<string, long> Refused, IReadOnlyDictionary<string, long> Failed, long NotSent, long GaveUp,
    int InFlight, int Waiting, int MostInFlight, LatencyView Latency, LatencyView LatencyOfAnswers)
{
    public JobsView? Jobs { get; init; }
}

internal sealed record LatencyView(long Count, double MeanMs, double P50Ms, double P90Ms, double P95Ms, double P99Ms, double P999Ms, double MaxMs)
{
    public static LatencyView Of(LatencyHistogram times) => new(
        times.Count, Ms(times.Mean), Ms(times.Percentile(0.5)), Ms(times.Percentile(0.9)), Ms(times.Percentile(0.95)), Ms(times.Percentile(0.99)), Ms(times.Percentile(0.999)), Ms(times.Max));

    private static double Ms(TimeSpan time) => Math.Round(time.TotalMilliseconds, 3);
}

/// <summary>How a sample of the accepted jobs ended.</summary>
/// <param name="Followed">How many were asked for.</param>
/// <param name="States">By state.</param>
/// <param name="Wait">From the submission to the first attempt's start.</param>
/// <param name="Run">From the last attempt's start to its end.</param>
/// <param name="EndToEnd">From the submission to the end.</param>
internal sealed record JobsView(int Followed, IReadOnlyDictionary<string, int> States, LatencyView Wait, LatencyView Run, LatencyView EndToEnd);
