using System.Text;

namespace Microsoft.DurableTask.Engine;

/// <summary>Inputs, outputs, events: at most 1 MB each, as in the Durable Task Scheduler.</summary>
internal static class Payloads
{
    private const int MaxBytes = 1_048_576;

    public static string? Serialize(DataConverter converter, object? value)
    {
        var text = converter.Serialize(value);
        // No character takes more than three bytes, so nearly every payload is passed without being counted.
        if (text?.Length > MaxBytes / 3 && Encoding.UTF8.GetByteCount(text) is var bytes and > MaxBytes)
            throw new ArgumentException(
                $"A payload of type {value!.GetType()} has {bytes:N0} bytes as JSON; at most {MaxBytes:N0} are allowed.", nameof(value));
        return text;
    }
}

/// <summary>Instance ids as the Durable Task Scheduler takes them.</summary>
internal static class InstanceIds
{
    private const int MaxLength = 100;

    public static void Check(string id)
    {
        if (id.Length is 0 or > MaxLength || id[0] == '@' || id.AsSpan().ContainsAnyExceptInRange(' ', '~'))
            throw new ArgumentException(
                $"An instance id has 1 to {MaxLength} printable ASCII characters and does not start with '@'; '{id}' is none.", nameof(id));
    }
}
