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

    [Fact]
    public void The_last_lines_of_several_processes_make_one()
    {
        var all = Summary.Of("10 seeds passed").And(Summary.Of("2 of 5 seeds failed: 11 14")).And(Summary.Of("3 seeds passed"));

        Assert.Equal("2 of 18 seeds failed: 11 14", all.ToString());
        Assert.Equal("13 seeds passed", Summary.Of("10 seeds passed").And(Summary.Of("3 seeds passed")).ToString());
        Assert.Throws<FormatException>(() => Summary.Of("Unhandled exception."));
    }

    [Theory]
    [InlineData("--processes", "0")]
    [InlineData("--seed")]
    [InlineData("--seed", "many")]
    [InlineData("--seeds", "3", "--profile", "hurricane")]
    [InlineData("--seeds", "3", "--quickly")]
    public void What_is_not_understood_is_refused(params string[] args) => Assert.Throws<FormatException>(() => HuntOptions.Read(args));
}
