using Simulation.Faults;
using Simulation.World;

namespace Simulation.Proof;

/// <summary>Worlds in which dead letters are replayed in stages, more of them than a toss would make.</summary>
public sealed class StagedReplayTests
{
    [Theory]
    [InlineData(nameof(Profile.Calm), 1, 2)]
    [InlineData(nameof(Profile.Rough), 101, 2)]
    public void Stages_are_kept_whatever_goes_wrong(string name, int from, int count)
    {
        var profile = Enum.Parse<Profile>(name);
        for (var seed = from; seed < from + count; seed++)
        {
            var chance = new Random(seed);
            var settings = WorldSettings.Draw(chance) with { Operator = false, Cast = new Cast { Restorer = true, Clearer = seed % 2 == 0 } };
            var verdict = SimulatedWorld.Run(seed, settings, FaultPlan.Draw(chance, profile), chance, keepHistory: false, (world, actors) => actors.LiveAsync(world));
            Assert.True(verdict.Broken is null, $"Seed {seed}: {verdict.Broken}");
        }
    }
}
