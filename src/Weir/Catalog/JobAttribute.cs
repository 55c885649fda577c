namespace Weir;

/// <summary>
/// Makes a class a job type: <c>[Job("email.welcome", Queue = Queue.Critical, Owner = "growth")]</c> on an
/// <see cref="IJobHandler{TContract}"/>. Whatever it says is shown in the catalogue.
/// </summary>
/// <param name="name">1 to 64 of a-z, 0-9, dot and dash; what clients send as <c>type</c>. Never change it while jobs are waiting.</param>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class JobAttribute(string name) : Attribute
{
    public string Name { get; } = name;

    /// <summary>The version of the contract that this build writes and understands best; from 1.</summary>
    public int Version { get; set; } = 1;

    /// <summary>Where its jobs wait, unless a request asks for another priority.</summary>
    public Queue Queue { get; set; } = Queue.Default;

    /// <summary>The team to call.</summary>
    public string? Owner { get; set; }

    public string? Description { get; set; }

    /// <summary>What a run changes outside of Weir, in a sentence an operator can use before a replay.</summary>
    public string? SideEffects { get; set; }

    /// <summary>The most seconds that one attempt may take, 1 to 86,400. Default 60.</summary>
    public int TimeoutSeconds { get; set; } = 60;

    /// <summary>
    /// The most seconds between two calls of <see cref="JobContext.ReportAsync"/>, the first counted from the start; then the attempt is
    /// cancelled and tried again. 0, the default, expects no reports.
    /// </summary>
    public int StallTimeoutSeconds { get; set; }

    /// <summary>What a crash may do to an attempt; see <see cref="Weir.Guarantee"/>.</summary>
    public Guarantee Guarantee { get; set; } = Guarantee.EffectivelyOnce;

    /// <summary>What a retry may do to the order of jobs with one ordering key; see <see cref="Weir.Ordering"/>.</summary>
    public Ordering Ordering { get; set; } = Ordering.BestEffort;

    /// <summary>The dependencies that its jobs call, by name: each has a breaker, and while one is open these jobs are put off.</summary>
    public string[] DependsOn { get; set; } = [];

    /// <summary>Whether each end of a job is told as a CloudEvent on the topic of completions; costs a read and a message.</summary>
    public bool CompletionEvent { get; set; }

    /// <summary>
    /// How many days its finished jobs are kept, dead letters included: 1 to 3,650. 0, the default, keeps them for <c>Weir:Retention</c>, and dead letters until
    /// somebody discards them.
    /// </summary>
    public int RetentionDays { get; set; }

    /// <summary>
    /// How many of its jobs may start in a stretch of time, on all instances together: <c>20/s</c>, <c>100/m</c>, <c>5000/h</c>, <c>10/d</c>. None by default.
    /// Configuration overrides it (<c>Weir:Jobs:&lt;type&gt;:Rate</c>).
    /// </summary>
    public string? Rate { get; set; }

    /// <summary>
    /// How many of them may start at once beside the rate: in any second at most the rate and this. 0, the default, is a quarter of a second's jobs; less than a tenth
    /// of a second's is refused.
    /// </summary>
    public int Burst { get; set; }

    /// <summary>
    /// How many of its jobs run at once in an instance, at most: 1 to 1,000. 0, the default, is as many as the host has sessions. A job beyond it is put off and holds no slot.
    /// <c>Weir:Jobs:&lt;type&gt;:MaxConcurrency</c> wins.
    /// </summary>
    public int MaxConcurrency { get; set; }

    /// <summary>
    /// Whether that number is found out while it runs: fewer when its jobs take longer than they used to or fail in a way that passes, more again when all is well.
    /// <c>Weir:Jobs:&lt;type&gt;:AdaptiveConcurrency</c> wins.
    /// </summary>
    public bool AdaptiveConcurrency { get; set; }

    /// <summary>How many seconds an attempt normally takes; 0, the default, is unknown. The start is refused when the host prefetches more than the lock on a message lasts for.</summary>
    public double ExpectedSeconds { get; set; }

    /// <summary>The name of its retry policy, see <see cref="Retries.RetryPolicies"/>. Default "standard".</summary>
    public string Retry { get; set; } = Retries.RetryPolicies.Standard;
}
