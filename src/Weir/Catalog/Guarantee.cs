namespace Weir;

/// <summary>How often a handler may run, and what that costs; <c>docs/guarantees.md</c> has the table of crashes.</summary>
public enum Guarantee
{
    /// <summary>One attempt's outcome counts, whatever crashes; a crash may start another attempt. Three table operations a job.</summary>
    EffectivelyOnce,

    /// <summary>Nobody claims the job before it runs: one operation less, and two instances may run it at the same time after a lost lock.</summary>
    AtLeastOnce,

    /// <summary>The handler is started once and never again: a failure, a crash or a stop in the middle is a dead letter.</summary>
    AtMostOnce,
}

/// <summary>What jobs with one ordering key may expect of each other.</summary>
public enum Ordering
{
    /// <summary>They start in order; a retry may be overtaken.</summary>
    BestEffort,

    /// <summary>Each ends before the next starts. While one is a dead letter, the later ones are held until it is replayed or discarded.</summary>
    Strict,
}
