using System.ComponentModel.DataAnnotations;
using Jobs.Downstream;
using Weir;

namespace Jobs.Orders;

public sealed record OrderLine([property: StringLength(64, MinimumLength = 1)] string Sku, [property: Range(1, 10_000)] int Quantity);

/// <param name="Amount">In the shop's currency.</param>
/// <param name="ApprovalAbove">Orders above this wait until somebody approves them.</param>
/// <param name="Abroad">It needs a customs form.</param>
public sealed record Order(
    [property: StringLength(64, MinimumLength = 1)] string OrderId,
    [property: EmailAddress, StringLength(320)] string Email,
    [property: Range(0.01, 1_000_000)] decimal Amount,
    [property: Length(1, 100)] OrderLine[] Lines,
    [property: Range(0, 1_000_000)] decimal ApprovalAbove = 1_000,
    bool Abroad = true);

/// <summary>The event "approval".</summary>
public sealed record Approval(bool Approved, [property: StringLength(100)] string? By = null);

/// <summary>Reserves, takes the money, ships and says so; what was done is undone when a later step cannot be.</summary>
[Job("order.fulfil", Owner = "orders", TimeoutSeconds = 30,
    Description = "Fulfils an order: stock, payment, shipping, confirmation.", SideEffects = "A reservation, a payment, a parcel label, a customs form and an e-mail; all but the e-mail are taken back when it cannot go on.")]
public sealed class FulfilOrder(DownstreamClient downstream) : IWorkflow<Order>
{
    private static readonly TimeSpan ApprovalLimit = TimeSpan.FromDays(3);

    public void Define(WorkflowBuilder<Order> flow)
    {
        flow.If("needs-approval", step => step.Job.Amount > step.Job.ApprovalAbove, inner =>
        {
            var approval = inner.WaitFor<Approval>("approval", ApprovalLimit);
            inner.Step("check-approval", step => step.Result(approval).Approved ? Task.CompletedTask : throw new PermanentException("The order was not approved."));
        });

        var stock = flow.Step("reserve-stock", step => CallAsync("stock", new { reserve = step.Job.Lines }, step))
            .Undo((step, reserved) => CallAsync("stock", new { release = reserved?.Reference }, step));

        // A payment whose answer was lost may have been taken: asked to refund one that was not, the provider does nothing.
        var payment = flow.Step("take-payment", step => CallAsync("payments", new { take = step.Job.Amount, order = step.Job.OrderId }, step))
            .Undo((step, taken) => CallAsync("payments", new { refund = taken?.Reference ?? step.Job.OrderId }, step), evenHalfRun: true);

        var label = default(Step<Order, DownstreamAnswer>)!;
        flow.Parallel(ship =>
        {
            label = ship.Step("parcel-label", step => CallAsync("carrier", new { label = step.Job.OrderId, stock = step.Result(stock).Reference }, step))
                .Undo((step, made) => CallAsync("carrier", new { @void = made?.Reference }, step));
            ship.Step("customs-form", step => CallAsync("customs", new { declare = step.Job.Lines }, step))
                .When(step => step.Job.Abroad)
                .Undo((step, form) => CallAsync("customs", new { withdraw = form?.Reference }, step));
        });

        flow.Step("confirm", step => CallAsync("email", new { to = step.Job.Email, subject = $"Your order {step.Job.OrderId}", parcel = step.Result(label).Reference }, step));
        flow.Result(step => new { step.Job.OrderId, payment = step.Result(payment).Reference, parcel = step.Result(label).Reference });
    }

    private Task<DownstreamAnswer> CallAsync(string service, object body, StepContext<Order> step) => downstream.CallAsync(service, body, step.IdempotencyKey, step.Cancellation);
}
