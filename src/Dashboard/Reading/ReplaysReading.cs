using Weir.Api;

namespace Dashboard.Reading;

/// <summary>Staged replays: a group of dead letters that runs again 1, 10, 100, …, and stops by itself when too many die again.</summary>
internal sealed class ReplaysReading(Faces faces)
{
    public async Task<Drawn> ListAsync(Visit visit)
    {
        var list = await Answer<StagedReplayListView>.OfAsync(faces.Replays.ListAsync(visit.Ask.Get([.. visit.Passing("cursor"), ("limit", "20")]), visit.Cancellation));
        return visit.Draw<Dashboard.Pages.ReplaysPage, Listed<StagedReplayListView>>("Staged replays", new(list, list.Value?.Cursor is { } cursor ? visit.With("cursor", cursor) : null));
    }

    public async Task<Drawn> OneAsync(Visit visit, string id)
    {
        var answer = await Answer<StagedReplayView>.OfAsync(faces.Replays.GetAsync(visit.Ask.Get(), id, visit.Cancellation));
        return answer.Value is { } replay
            ? visit.Draw<Dashboard.Pages.ReplayPage, StagedReplayView>("Staged replay", replay)
            : Contents.Problem(visit, answer.Problem!, "/dashboard/replays");
    }
}
