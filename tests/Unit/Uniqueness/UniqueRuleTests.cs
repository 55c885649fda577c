using Weir.Uniqueness;

namespace Unit.Tests.Uniqueness;

public sealed class UniqueRuleTests
{
    [Theory]
    [InlineData(nameof(UniqueMode.ReturnExisting), "Take", "GiveExisting", "GiveExisting", "GiveExisting")]
    [InlineData(nameof(UniqueMode.Reject), "Take", "Refuse", "Refuse", "Refuse")]
    [InlineData(nameof(UniqueMode.ReplaceScheduled), "Take", "Take", "Replace", "Take")]
    [InlineData(nameof(UniqueMode.KeepLastIfActive), "Take", "Take", "Wait", "Wait")]
    public void Mode_and_holder_decide(string mode, string none, string ended, string notBegun, string begun)
    {
        HolderState[] holders = [HolderState.None, HolderState.Ended, HolderState.NotBegun, HolderState.Begun];
        Assert.Equal([none, ended, notBegun, begun], holders.Select(holder => UniqueRule.Decide(Enum.Parse<UniqueMode>(mode), holder).ToString()));
    }
}
