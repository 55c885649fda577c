using System.Globalization;
using System.Text.Json.Nodes;
using Dashboard.Reading;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Weir;
using Weir.Api;

namespace Dashboard.Actions;

/// <summary>What came of a form: where to go on, or a page that says why not.</summary>
internal sealed record Outcome(string? Next, Drawn? Page);

/// <param name="Again">What the form sent, to be sent again in earnest.</param>
internal sealed record ReplayPlanModel(ReplayPlanView Plan, IReadOnlyList<(string Name, string Value)> Again, string Back);

/// <summary>What an operator can do on the pages. Each is a request to the face of the API that does it, so that it is checked, done and put on record there.</summary>
internal sealed class Deeds(Faces faces, DeadLettersReading deadLetters)
{
    private static readonly string[] Filters = ["type", "fingerprint", "tenant"];

    private static readonly string[] Bounds = ["limit", "rate", "stopAtFailureRate"];

    /// <returns>Null when there is no such deed.</returns>
    public async Task<Outcome?> DoAsync(Visit visit, string[] path, Form form)
    {
        try
        {
            return path switch
            {
                ["jobs", var id, "cancel"] => Then(visit, form, await faces.Cancellations.CancelAsync(visit.Ask.Get(("reason", form["reason"])), id, visit.Cancellation), $"/dashboard/jobs/{id}", "cancelled"),
                ["jobs", var id, "events"] => Then(visit, form, await faces.Events.SendAsync(visit.Ask.Send(form["payload"] ?? "null"), id, form["name"] ?? "", visit.Cancellation), $"/dashboard/jobs/{id}", "sent"),
                ["dead-letters", "replay"] => await ReplayManyAsync(visit, form),
                ["dead-letters", var id, "replay"] => await ReplayAsync(visit, id, form),
                ["dead-letters", var id, "discard"] => Then(visit, form, await faces.DeadLetters.DiscardAsync(visit.Ask.Get(("reason", form["reason"])), id, visit.Cancellation), $"/dashboard/dead-letters/{id}", "discarded"),
                ["replays", var id, var deed] => await StagedAsync(visit, id, deed, form),
                ["batches", var id, var deed] => await BatchAsync(visit, id, deed, form),
                ["schedules", var tenant, var name, var deed] => await ScheduleAsync(visit, tenant, name, deed, form),
                ["controls"] => await PutControlAsync(visit, form),
                ["controls", var kind, var name, "remove"] =>
                    Then(visit, form, await faces.Controls.DeleteAsync(visit.Ask.Get(("reason", form["reason"])), kind, name, visit.Cancellation), "/dashboard/controls", "removed"),
                _ => null,
            };
        }
        catch (Exception away) when (StoreAway.Explains(away))
        {
            return new Outcome(null, Contents.Problem(visit, new ProblemDetails { Status = 503, Title = "Nobody knows whether it was done", Detail = "A store behind the service did not answer. Look at the page before you try again." }, form.Back));
        }
    }

    private async Task<Outcome> ReplayAsync(Visit visit, string id, Form form)
    {
        var body = new JsonObject();
        if (form["reason"] is { } reason)
            body["reason"] = reason;
        if (form["payload"] is { } payload)
        {
            var (parsed, problem) = JsonText.Parse(System.Text.Encoding.UTF8.GetBytes(payload), RequestBody.Strict);
            if (parsed is null)
                return new Outcome(null, await deadLetters.OneAsync(visit, id, payload, Problem.DetailsOf(problem!)));
            using (parsed)
                body["payload"] = JsonNode.Parse(payload);
        }
        var result = await faces.DeadLetters.ReplayAsync(visit.Ask.Send(body), id, visit.Cancellation);
        return ProblemOf(result) is { } refused
            ? new Outcome(null, await deadLetters.OneAsync(visit, id, form["payload"], refused))
            : new Outcome($"/dashboard/jobs/{id}?did=replayed", null);
    }

    /// <summary>First what it would do, then the same again in earnest.</summary>
    private async Task<Outcome> ReplayManyAsync(Visit visit, Form form)
    {
        var isDry = form["sure"] is null;
        var body = new JsonObject { ["dryRun"] = isDry, ["why"] = form["reason"], ["stages"] = StagesOf(form["stages"]) };
        var given = Filters.Where(name => form[name] is not null).ToArray();
        foreach (var name in given)
            body[name] = form[name];
        foreach (var name in Bounds.Where(name => form[name] is not null))
            body[name] = double.TryParse(form[name], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) ? JsonValue.Create(number) : JsonValue.Create(form[name]);
        if (given.Length == 0)
            body["all"] = true;

        var result = await faces.DeadLetters.ReplayManyAsync(visit.Ask.Send(body), visit.Cancellation);
        if (ProblemOf(result) is { } problem)
            return new Outcome(null, Contents.Problem(visit, problem, form.Back));
        if (!isDry)
            return new Outcome($"/dashboard/replays/{Answer<StagedReplayView>.Of(result).Value!.Id}?did=staged", null);
        (string, string)[] again = [.. Filters.Concat(Bounds).Append("stages").Append("reason").Where(name => form[name] is not null).Select(name => (name, form[name]!))];
        return new Outcome(null, visit.Draw<Dashboard.Pages.ReplayPlanPage, ReplayPlanModel>("What would be replayed", new ReplayPlanModel(Answer<ReplayPlanView>.Of(result).Value!, again, form.Back)));
    }

    /// <summary>1, 10, 100: the face says what is wrong with anything else.</summary>
    private static JsonNode StagesOf(string? text)
    {
        if (text is null)
            return JsonValue.Create(true);
        return new JsonArray([.. text.Split([',', ' '], StringSplitOptions.RemoveEmptyEntries).Take(50).Select(one => int.TryParse(one, NumberStyles.None, CultureInfo.InvariantCulture, out var size) ? JsonValue.Create(size) : JsonValue.Create(one))]);
    }

    private async Task<Outcome?> StagedAsync(Visit visit, string id, string deed, Form form)
    {
        var body = new JsonObject { ["why"] = form["reason"] };
        var result = deed switch
        {
            "stop" => await faces.Replays.StopAsync(visit.Ask.Send(body), id, visit.Cancellation),
            "resume" => await faces.Replays.ResumeAsync(visit.Ask.Send(body), id, visit.Cancellation),
            _ => null,
        };
        return result is null ? null : Then(visit, form, result, $"/dashboard/replays/{id}", $"replay-{deed}");
    }

    private async Task<Outcome?> BatchAsync(Visit visit, string id, string deed, Form form)
    {
        var result = deed switch
        {
            "pause" => await faces.Batches.PauseAsync(visit.Ask.Get(), id, visit.Cancellation),
            "resume" => await faces.Batches.ResumeAsync(visit.Ask.Get(), id, visit.Cancellation),
            "retry" => await faces.Batches.RetryAsync(visit.Ask.Get(), id, visit.Cancellation),
            "cancel" => await faces.Batches.CancelAsync(visit.Ask.Get(("reason", form["reason"])), id, visit.Cancellation),
            _ => null,
        };
        return result is null ? null : Then(visit, form, result, $"/dashboard/batches/{id}", $"batch-{deed}");
    }

    /// <summary>Pausing goes by the controls, which put it on record.</summary>
    private async Task<Outcome?> ScheduleAsync(Visit visit, string tenant, string name, string deed, Form form)
    {
        var result = deed switch
        {
            "run" => await faces.Schedules.RunAsync(visit.Ask.Get().For(tenant).Once(form["once"]), name, visit.Cancellation),
            "pause" => await faces.Controls.PutAsync(visit.Ask.Send(Reasoned(form)).For(tenant), "schedule", name, visit.Cancellation),
            "resume" => await faces.Controls.DeleteAsync(visit.Ask.Get(("reason", form["reason"])).For(tenant), "schedule", name, visit.Cancellation),
            _ => null,
        };
        return result is null ? null : Then(visit, form, result, $"/dashboard/schedules/{Uri.EscapeDataString(tenant)}/{Uri.EscapeDataString(name)}", $"schedule-{deed}");
    }

    private async Task<Outcome> PutControlAsync(Visit visit, Form form)
    {
        var (kind, name) = (form["kind"] ?? "", form["name"]?.Trim() ?? "");
        var body = Reasoned(form);
        if (kind is "policy")
            body["retry"] = form["policy"] ?? "";
        if (kind is "policy" or "feature" && double.TryParse(form["percentage"], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var percentage))
            body["percentage"] = percentage;
        if (kind is "automatic")
            body["enabled"] = form["enabled"] == "true";
        return Then(visit, form, await faces.Controls.PutAsync(visit.Ask.Send(body), kind, name, visit.Cancellation), $"/dashboard/controls/{Uri.EscapeDataString(kind)}/{Uri.EscapeDataString(name)}", "put");
    }

    private static JsonObject Reasoned(Form form)
    {
        var body = new JsonObject { ["reason"] = form["reason"] };
        if (form["for"] is { } time)
            body["for"] = time;
        return body;
    }

    private static Outcome Then(Visit visit, Form form, IResult result, string next, string did) =>
        ProblemOf(result) is { } problem ? new Outcome(null, Contents.Problem(visit, problem, form.Back)) : new Outcome($"{next}?did={did}", null);

    private static ProblemDetails? ProblemOf(IResult result) => result switch
    {
        ProblemHttpResult problem => problem.ProblemDetails,
        IStatusCodeHttpResult => null,
        _ => Problem.DetailsOf(result),
    };
}
