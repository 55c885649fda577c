using Simulation.Hunting;

namespace Simulation.Proof;

public sealed class ScenarioTests
{
    /// <summary>A freeze after every effect takes as long again, and is run by hand (README).</summary>
    [Fact]
    public async Task Every_scenario_survives_a_kill_and_a_lost_answer_after_each_of_its_effects_and_a_freeze_after_some()
    {
        var (exitCode, lines) = await HuntProcess.RunAsync(["--exhaustive", "--freeze-each", "8"], TestContext.Current.CancellationToken);

        Assert.True(exitCode == 0, string.Join('\n', lines));
    }
}
