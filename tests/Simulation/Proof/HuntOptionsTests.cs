using Simulation.Faults;
using Simulation.Hunting;

namespace Simulation.Proof;

public sealed class HuntOptionsTests
{
    [Fact]
    public void Everything_can_be_asked_for() =>
        Assert.Equal(new HuntOptions(From: 7, Seeds: 100, Minutes: 5, Profile.Storm, Replay: false, Hashes: true, Exhaustive: false), HuntOptions.Read(["--seeds", "100", "--from", "7", "--minutes", "5", "--profile", "storm", "--hashes"]));

    [Theory]
    [InlineData("--seed")]
    [InlineData("--seed", "many")]
    [InlineData("--seeds", "3", "--profile", "hurricane")]
    [InlineData("--seeds", "3", "--quickly")]
    public void What_is_not_understood_is_refused(params string[] args) => Assert.Throws<FormatException>(() => HuntOptions.Read(args));
}
