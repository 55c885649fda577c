namespace Simulation.Model;

/// <summary>A job as its receipt shows it, followed from write to write, and what its handlers did.</summary>
internal sealed class SeenJob(string id)
{
    public string Id => id;

    public string Type { get; set; } = "";

    public string Tenant { get; set; } = "";

    public string Queue { get; set; } = "";

    public string? StrictKey { get; set; }

    public string State { get; set; } = "";

    public int Attempt { get; set; }

    /// <summary>How often its receipt was written.</summary>
    public int Writes { get; set; }

    /// <summary>Those of runs before the last replay.</summary>
    public int EarlierAttempts { get; set; }

    public string Owner { get; set; } = "";

    public DateTimeOffset LeaseUntil { get; set; }

    public DateTimeOffset? NotBefore { get; set; }

    public DateTimeOffset? FinishedAt { get; set; }

    public DateTimeOffset? ReplayedAt { get; set; }

    public int Resends { get; set; }

    public string? CorrelationId { get; set; }

    /// <summary>How many retries were to come at once.</summary>
    public int RetriesAtOnce { get; set; }

    /// <summary>Its current attempt was given back before it had an outcome: its number may come again.</summary>
    public bool HandedBack { get; set; }

    /// <summary>And nobody has claimed it since: that attempt has no record.</summary>
    public bool IsGivenBack { get; set; }

    /// <summary>How often an attempt was given back.</summary>
    public int HandBacks { get; set; }

    public int RunsBeforeClaim { get; set; }

    /// <summary>Attempts that were given back, and whose run ended before they could begin anew: they have a number and no record.</summary>
    public HashSet<int> GivenUp { get; } = [];

    public int DeadLetterings { get; set; }

    public int Replays { get; set; }

    /// <summary>Its key went on without it: a replay has no place there any more.</summary>
    public bool HasExpired { get; set; }

    public bool Discarded { get; set; }

    /// <summary>The item of a batch that it is: "batch:index".</summary>
    public string? Batch { get; set; }

    public string? Schedule { get; set; }

    public DateTimeOffset Occurrence { get; set; }

    public string? UniqueKey { get; set; }

    /// <summary>How long its unique key stays taken after its end.</summary>
    public TimeSpan UniqueFor { get; set; }

    public string? SupersededBy { get; set; }

    public string? CallbackUrl { get; set; }

    /// <summary>Somebody has asked for it to be cancelled, whether they were answered or not.</summary>
    public bool CancelAsked { get; set; }

    /// <summary>The attempt in which it was asked to stop; 0: in none of this run.</summary>
    public int CancelRequestedIn { get; set; }

    /// <summary>When its receipt was first seen, and when it was last seen to end, by the world's clock.</summary>
    public DateTimeOffset Since { get; set; }

    public DateTimeOffset? EndedAt { get; set; }

    /// <summary>How each run of it ended, by the number of replays before the run.</summary>
    public SortedDictionary<int, string> Ends { get; } = [];

    /// <summary>Its receipt is gone: retention has removed it, or a submission that was never accepted was taken back.</summary>
    public bool IsRemoved { get; set; }

    public bool IsFinal => State is "Succeeded" or "DeadLettered" or "Cancelled" or "Expired" or "Compensated";

    /// <summary>The rows of attempts, as they were first written.</summary>
    public SortedDictionary<string, string> Attempts { get; } = new(StringComparer.Ordinal);

    public List<HandlerRun> Runs { get; } = [];

    /// <summary>How often each effect was had outside, and what was remembered of it first.</summary>
    public Dictionary<string, int> Effects { get; } = new(StringComparer.Ordinal);

    public Dictionary<string, long> Remembered { get; } = new(StringComparer.Ordinal);

    /// <summary>What the steps of a workflow did, each once, in the order in which it first took effect.</summary>
    public List<string> Steps { get; } = [];

    public List<string> Path { get; } = [];

    public override string ToString() => $"{id} {Type} {State} attempt {Attempt} ({string.Join(" > ", Path)})";
}

/// <summary>One run of a handler.</summary>
internal sealed class HandlerRun(SeenJob job, int attempt, string instance, CancellationToken token)
{
    public SeenJob Job => job;

    public int Attempt => attempt;

    public string Instance => instance;

    public CancellationToken Token => token;

    public bool HasEnded { get; set; }
}
