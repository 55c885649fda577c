using System.Text.Json;
using Capacity.Prices;
using Simulation.Hunting;

namespace Simulation.Proof;

public sealed class IdleTests
{
    [Fact]
    public async Task An_idle_deployment_does_what_is_said_of_it()
    {
        var (exitCode, lines) = await HuntProcess.RunAsync(["--idle"], TestContext.Current.CancellationToken);
        Assert.True(exitCode == 0, string.Join('\n', lines));

        var (said, done) = (BilledOperations.Known.Idle, JsonSerializer.Deserialize<IdleOperations>(lines[^1])!);
        foreach (var (of, one, other) in new[] { ("an instance", said.Instance, done.Instance), ("the deployment", said.Deployment, done.Deployment) })
        {
            // Where two instances share a poll, which of them asks a moment earlier is chance.
            foreach (var (what, expected, found) in new[] { ("ServiceBus", one.ServiceBus, other.ServiceBus), ("Lanes", one.Lanes, other.Lanes), ("Tables", one.Tables, other.Tables), ("Executions", one.Executions, other.Executions) })
                Assert.True(Math.Abs(expected - found) <= Math.Max(30, 0.03 * expected), $"{what} of {of} in an hour: operations.json says {expected}, measured {found}. All: {lines[^1]}");
        }
    }
}
