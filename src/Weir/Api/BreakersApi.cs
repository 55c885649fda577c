using Microsoft.AspNetCore.Http;
using Weir.Access;
using Weir.Breakers;

namespace Weir.Api;

/// <summary>GET /api/breakers: the dependencies of this instance's jobs, and which of them is held to be down.</summary>
public sealed class BreakersApi
{
    private readonly Admission admission;
    private readonly BreakerBoard board;

    internal BreakersApi(Admission admission, BreakerBoard board) => (this.admission, this.board) = (admission, board);

    public IResult List(HttpRequest request) => admission.Ask(request, Scope.Read).Refusal ?? Results.Json(new BreakersView([.. board.All.Select(BreakerView.Of)]), ApiJson.Camel.BreakersView);
}

internal sealed record BreakersView(IReadOnlyList<BreakerView> Breakers);

internal sealed record BreakerView(string Dependency, BreakerState State, DateTimeOffset? OpenUntil)
{
    public static BreakerView Of(Breaker breaker) => new(breaker.Dependency, breaker.State, breaker.State == BreakerState.Open ? breaker.OpenUntil : null);
}
