using Simulation.Faults;
using Simulation.Hunting;

namespace Simulation.Proof;

public sealed class HuntOptionsTests
{
    [Fact]
    public void Everything_can_be_asked_for() =>
        Assert.Equal(new HuntOptions(From: 7, Seeds: 100, Minutes: 5, Profile.Storm, Replay: false, Hashes: true, Exhaustive: false), HuntOptions.Read(["--seeds", "100", "--from", "7", "--minutes", "5", "--profile", "storm", "--hashes"]));

    [Fact]
    public void A_scenario_and_the_deliberate_bugs_can_be_asked_for_by_name()
    {
        var scenario = HuntOptions.Read(["--exhaustive", "--scenario", "retry", "--first"]);
        var mutants = HuntOptions.Read(["--mutants", "--only", "lane"]);

        Assert.Equal((true, "retry", true), (scenario.Exhaustive, scenario.Scenario, scenario.First));
        Assert.Equal((true, "lane"), (mutants.Mutants, mutants.Only));
    }

    [Theory]
    [InlineData("--seed")]
    [InlineData("--seed", "many")]
    [InlineData("--seeds", "3", "--profile", "hurricane")]
    [InlineData("--seeds", "3", "--quickly")]
    public void What_is_not_understood_is_refused(params string[] args) => Assert.Throws<FormatException>(() => HuntOptions.Read(args));
}
