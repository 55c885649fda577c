namespace Weir.Lanes;

/// <summary>Why a job did not start when its turn came, as the metrics count it; for a reader it is said in a sentence (<see cref="JobMessage.PutOffBecause"/>).</summary>
internal enum PutOffReason
{
    /// <summary>As many ran as may at once in an instance.</summary>
    Concurrency,

    /// <summary>What it depends on is down.</summary>
    Breaker,

    /// <summary>The rate of its type or tenant.</summary>
    Rate,

    /// <summary>Its slot was over before it could be claimed.</summary>
    SlotOver,

    /// <summary>Another attempt of it has its lease.</summary>
    Leased,

    /// <summary>Its contract is newer than this build.</summary>
    NewerBuild,

    /// <summary>A store did not answer.</summary>
    StoreAway,

    /// <summary>A control.</summary>
    Paused,

    /// <summary>Its batch is paused.</summary>
    BatchPaused,
}
