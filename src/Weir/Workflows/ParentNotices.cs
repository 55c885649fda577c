using Weir.Receipts;

namespace Weir.Workflows;

/// <summary>Tells a workflow that a job which it waits for has ended. Told twice, or when it does not wait any more, it does nothing.</summary>
internal sealed class ParentNotices(ReceiptTable receipts, Orchestrations orchestrations)
{
    public async Task AfterAsync(string childId, CancellationToken cancellation)
    {
        if (await receipts.FindAsync(childId, cancellation) is { ParentId: { } parentId, ParentStep: { } step } && await receipts.FindAsync(parentId, cancellation) is { IsOrchestrated: true } parent)
            await orchestrations.TellAsync(parent, Orchestrations.ChildEnded + step, cancellation);
    }
}
