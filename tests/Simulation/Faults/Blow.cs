namespace Simulation.Faults;

/// <summary>What comes over a process right after one of its effects.</summary>
internal enum Blow
{
    /// <summary>It is killed; another takes its place.</summary>
    Kill,

    /// <summary>The effect is there, and the process is told that it failed.</summary>
    LoseAnswer,

    /// <summary>It stands still while another does its work, and goes on when the story is over.</summary>
    Freeze,
}
