using Microsoft.AspNetCore.Mvc;
using Weir.Api;

namespace Dashboard.Reading;

/// <param name="Groups">Null on a page that shows one group's letters.</param>
internal sealed record DeadLettersModel(Answer<DeadLetterGroupListView>? Groups, Answer<DeadLetterListView> Letters, string? Next, string? Type, string? Fingerprint, string? State, string? Tenant)
{
    public bool IsFiltered => Type is not null || Fingerprint is not null || State is not null || Tenant is not null;
}

/// <param name="Draft">What the operator has made of the payload; the payload itself unless told.</param>
internal sealed record DeadLetterModel(DeadLetterView Letter, string Draft, ProblemDetails? Problem)
{
    public bool IsOpen => Letter.State == Weir.DeadLetters.DeadLetterState.Open;
}

/// <summary>The catalogue of dead letters, by cause and one by one.</summary>
internal sealed class DeadLettersReading(Faces faces)
{
    public async Task<Drawn> ListAsync(Visit visit)
    {
        var (type, fingerprint, state, tenant) = (visit["type"], visit["fingerprint"], visit["state"], visit["tenant"]);
        string[] filter = ["type", "fingerprint", "state", "tenant"];
        var letters = Answer<DeadLetterListView>.OfAsync(faces.DeadLetters.ListAsync(visit.Ask.Get([.. visit.Passing(filter), ("state", state is null ? "open" : null), ("cursor", visit["cursor"]), ("limit", "50")]), JobsReading.Patience, visit.Cancellation));
        var groups = fingerprint is null && visit["cursor"] is null
            ? await Answer<DeadLetterGroupListView>.OfAsync(faces.DeadLetters.CountAsync(visit.Ask.Get([.. visit.Passing(filter), ("state", state is null ? "open" : null)]), JobsReading.Patience, visit.Cancellation))
            : (Answer<DeadLetterGroupListView>?)null;
        var list = await letters;
        return visit.Draw<Dashboard.Pages.DeadLettersPage, DeadLettersModel>("Dead letters", new DeadLettersModel(groups, list, list.Value?.Cursor is { } cursor ? visit.With("cursor", cursor) : null, type, fingerprint, state, tenant));
    }

    /// <param name="visit">Who looks.</param>
    /// <param name="id">The dead letter's.</param>
    /// <param name="draft">What he has made of the payload, when it was not taken.</param>
    /// <param name="problem">Why it was not.</param>
    public async Task<Drawn> OneAsync(Visit visit, string id, string? draft = null, ProblemDetails? problem = null)
    {
        var answer = await Answer<DeadLetterView>.OfAsync(faces.DeadLetters.GetAsync(visit.Ask.Get(), id, visit.Cancellation));
        if (answer.Value is not { } letter)
            return Contents.Problem(visit, answer.Problem!, "/dashboard/dead-letters");
        var payload = draft ?? (letter.Payload is { } json ? Drawing.Words.Pretty(json) : "");
        return visit.Draw<Dashboard.Pages.DeadLetterPage, DeadLetterModel>($"Dead letter {letter.Type} {letter.Id}", new DeadLetterModel(letter, payload, problem), problem?.Status ?? 200);
    }
}
