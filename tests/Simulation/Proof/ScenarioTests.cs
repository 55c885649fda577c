using Simulation.Hunting;

namespace Simulation.Proof;

public sealed class ScenarioTests
{
    [Fact]
    public async Task Every_scenario_survives_a_kill_and_a_lost_answer_after_each_of_its_effects()
    {
        var (exitCode, lines) = await HuntProcess.RunAsync(["--exhaustive"], TestContext.Current.CancellationToken);

        Assert.True(exitCode == 0, string.Join('\n', lines));
    }
}
