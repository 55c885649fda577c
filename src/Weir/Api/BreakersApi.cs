using Microsoft.AspNetCore.Http;
using Weir.Breakers;

namespace Weir.Api;

/// <summary>GET /api/breakers: the dependencies of this instance's jobs, and which of them is held to be down.</summary>
public sealed class BreakersApi
{
    private readonly BreakerBoard board;

    internal BreakersApi(BreakerBoard board) => this.board = board;

    public IResult List() => Results.Json(new BreakersView([.. board.All.Select(BreakerView.Of)]), ApiJson.Camel.BreakersView);
}

internal sealed record BreakersView(IReadOnlyList<BreakerView> Breakers);

internal sealed record BreakerView(string Dependency, BreakerState State, DateTimeOffset? OpenUntil)
{
    public static BreakerView Of(Breaker breaker) => new(breaker.Dependency, breaker.State, breaker.State == BreakerState.Open ? breaker.OpenUntil : null);
}
