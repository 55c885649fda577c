namespace BlackBox.Tests;

/// <summary>For tests that hold times against bounds: they run one after the other, when all others have ended.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class Alone
{
    public const string Name = "Alone on the machine";
}
