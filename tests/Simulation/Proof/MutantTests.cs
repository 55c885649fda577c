using Simulation.Mutants;

namespace Simulation.Proof;

public sealed class MutantTests
{
    /// <summary>Whether the simulation finds them is a command of its own (`--mutants`), which takes minutes.</summary>
    [Fact]
    public void Every_deliberate_bug_has_its_place_in_the_source_exactly_once()
    {
        Assert.All(MutantList.All, mutant => mutant.ApplyTo(File.ReadAllText(SourceTree.PathOf(SourceTree.Root, mutant.File))));
    }

    [Fact]
    public void Every_deliberate_bug_has_a_name_of_its_own_and_a_scenario_that_there_is()
    {
        Assert.Equal(MutantList.All.Count, MutantList.All.DistinctBy(mutant => mutant.Name).Count());
        Assert.All(MutantList.All, mutant => Assert.True(mutant.Scenario is null || Exhaustive.Scenario.All.Any(scenario => scenario.Name == mutant.Scenario), mutant.Name));
    }
}
