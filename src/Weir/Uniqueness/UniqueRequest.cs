using System.Text.Json;
using Azure.Data.Tables;
using Weir.Catalog;
using Weir.Receipts;
using Weir.Submission;

namespace Weir.Uniqueness;

/// <summary>
/// <c>"unique": {"key": "invoice-7", "mode": "returnExisting", "for": "PT1H"}</c>: among the jobs of one tenant and type that name a
/// key, its <em>holder</em> is the one that counts. The mode says what a submission does that finds the key taken.
/// </summary>
/// <param name="For">How long the key stays taken after its holder has ended; none: it is free then.</param>
internal sealed record UniqueRequest(string Key, UniqueMode Mode, TimeSpan For)
{
    private const string Field = "unique";

    private static readonly string[] Known = ["key", "mode", "for"];
    private static readonly string[] Modes = [.. Enum.GetNames<UniqueMode>().Select(JsonNamingPolicy.CamelCase.ConvertName)];

    public static UniqueRequest? Read(JsonElement body, List<ContractError> errors)
    {
        if (!body.TryGetProperty(Field, out var value) || value.ValueKind == JsonValueKind.Null)
            return null;
        if (value.ValueKind != JsonValueKind.Object)
        {
            errors.Add(new($"/{Field}", "expected an object with \"key\" and \"mode\""));
            return null;
        }

        foreach (var field in value.EnumerateObject())
        {
            if (errors.Count < ContractError.Most && !Known.Contains(field.Name))
                errors.Add(new($"/{Field}/{field.Name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal)}", $"unknown field; expected one of {string.Join(", ", Known)}"));
        }
        var key = value.TryGetProperty("key", out var text) && text.ValueKind == JsonValueKind.String ? text.GetString()! : "";
        if (key.Length is 0 or > SubmitRequest.MaxKey)
            errors.Add(new($"/{Field}/key", $"expected a string of 1 to {SubmitRequest.MaxKey} characters"));
        var mode = value.TryGetProperty("mode", out var name) && name.ValueKind == JsonValueKind.String ? Array.IndexOf(Modes, name.GetString()) : -1;
        if (mode < 0)
            errors.Add(new($"/{Field}/mode", $"expected one of {string.Join(", ", Modes)}"));
        var stays = Timing.Duration(value, "for", Timing.Furthest, allowsZero: true, errors, $"/{Field}") ?? TimeSpan.Zero;
        if (stays > TimeSpan.Zero && (UniqueMode)mode is UniqueMode.ReplaceScheduled or UniqueMode.KeepLastIfActive)
            errors.Add(new($"/{Field}/for", "goes with returnExisting and reject only: the other modes ask about jobs that have not ended"));
        return new UniqueRequest(key, (UniqueMode)mode, stays);
    }

    public void WriteTo(TableEntity receipt)
    {
        receipt[Receipt.Column.UniqueKey] = Key;
        receipt[Receipt.Column.UniqueMode] = Mode.ToString();
        if (For > TimeSpan.Zero)
            receipt[Receipt.Column.UniqueForSeconds] = For.TotalSeconds;
    }

    /// <summary>What a job was submitted with; null when it is not unique.</summary>
    public static UniqueRequest? Of(TableEntity receipt) => receipt.GetString(Receipt.Column.UniqueKey) is { } key
        ? new UniqueRequest(key, Enum.Parse<UniqueMode>(receipt.GetString(Receipt.Column.UniqueMode) ?? nameof(UniqueMode.ReturnExisting)), TimeSpan.FromSeconds(receipt.GetDouble(Receipt.Column.UniqueForSeconds) ?? 0))
        : null;
}

/// <summary>What a submission does that finds its unique key taken.</summary>
internal enum UniqueMode
{
    /// <summary>It makes no job: the answer is the holder.</summary>
    ReturnExisting,

    /// <summary>It is refused.</summary>
    Reject,

    /// <summary>It takes the place of a holder that has not begun (debounce); one that has begun goes on, and this is the next holder.</summary>
    ReplaceScheduled,

    /// <summary>It waits for the holder to end; of several that wait only the newest is kept.</summary>
    KeepLastIfActive,
}

/// <summary>How the holder of a key stands.</summary>
internal enum HolderState
{
    /// <summary>Nobody holds the key, or the holder has ended.</summary>
    None,

    /// <summary>The holder has ended, and the key stays taken for a while.</summary>
    Ended,

    /// <summary>The holder waits for its time or for a worker; no attempt was made.</summary>
    NotBegun,

    /// <summary>The holder runs, or will be tried again.</summary>
    Begun,
}

/// <summary>What a submission does with the key.</summary>
internal enum UniqueStep
{
    /// <summary>Becomes the holder.</summary>
    Take,

    /// <summary>Becomes the holder, and the one before it is cancelled.</summary>
    Replace,

    /// <summary>Is kept until the holder ends.</summary>
    Wait,

    /// <summary>Makes no job; the answer is the holder.</summary>
    GiveExisting,

    /// <summary>Makes no job; the answer is a refusal.</summary>
    Refuse,
}

/// <summary>The whole rule: mode and holder in, step out.</summary>
internal static class UniqueRule
{
    public static UniqueStep Decide(UniqueMode mode, HolderState holder) => (mode, holder) switch
    {
        (_, HolderState.None) => UniqueStep.Take,
        (UniqueMode.ReturnExisting, _) => UniqueStep.GiveExisting,
        (UniqueMode.Reject, _) => UniqueStep.Refuse,
        (UniqueMode.ReplaceScheduled, HolderState.NotBegun) => UniqueStep.Replace,
        (UniqueMode.KeepLastIfActive, HolderState.NotBegun or HolderState.Begun) => UniqueStep.Wait,
        _ => UniqueStep.Take,
    };
}
