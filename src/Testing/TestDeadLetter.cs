using System.Text.Json;
using Weir.Catalog;
using Weir.DeadLetters;

namespace Weir.Testing;

/// <summary>A dead letter that waits for an operator.</summary>
public sealed class TestDeadLetter
{
    private readonly WeirTest weir;
    private readonly DeadLetter entry;

    internal TestDeadLetter(WeirTest weir, DeadLetter entry) => (this.weir, this.entry) = (weir, entry);

    public TestJob Job => new(weir, entry.Id);

    /// <summary><c>permanent</c>, <c>attemptsExhausted</c>, <c>contract</c>, <c>compensationFailed</c>, …</summary>
    public string Reason => entry.Reason;

    /// <summary>Deaths of one cause have the same.</summary>
    public string Fingerprint => entry.Fingerprint;

    public int Attempts => entry.Attempts;

    public TestError? Error => entry.Error is { } error ? new TestError(error.Class.ToString(), error.Type, error.Message) : null;

    /// <summary>Queues the job for one more run.</summary>
    /// <param name="payload">A mended one; null for the one that it has.</param>
    /// <param name="reason">Kept with it.</param>
    /// <exception cref="RefusedException">It cannot be replayed.</exception>
    public Task<TestJob> ReplayAsync(object? payload = null, string? reason = null)
    {
        JsonElement? json = payload is null ? null : JsonSerializer.SerializeToElement(payload, payload.GetType(), ContractJson.Options);
        return weir.Ask(instance => instance.Get<DeadLetterDesk>().ReplayAsync(entry.Id, json, weir.ByTest(reason), CancellationToken.None), "The replay") switch
        {
            ReplayAnswer.Queued => Task.FromResult(Job),
            ReplayAnswer.BrokenContract { Errors: var errors } => throw WeirTest.Refusal("The replay", "contractViolation", "the payload breaks the contract.", errors),
            ReplayAnswer.NotReplayable { Why: var why } => throw WeirTest.Refusal("The replay", "notReplayable", why, []),
            var other => throw WeirTest.Refusal("The replay", other.GetType().Name, $"the job is {Job.State}.", []),
        };
    }

    /// <summary>Gives it up.</summary>
    /// <exception cref="RefusedException">It is no dead letter any more.</exception>
    public Task DiscardAsync(string? reason = null) =>
        weir.Ask(instance => instance.Get<DeadLetterDesk>().DiscardAsync(entry.Id, weir.ByTest(reason), CancellationToken.None), "The discard") is DiscardAnswer.Discarded
            ? Task.CompletedTask
            : throw WeirTest.Refusal("The discard", "notDead", $"the job is {Job.State}.", []);

    public override string ToString() => $"{entry.Type} {entry.Id}: {Reason}, {Error}";
}
