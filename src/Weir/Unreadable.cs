using System.Text.Json;
using Azure;

namespace Weir;

/// <summary>Tells data that cannot be read, now or later, from a store that does not answer.</summary>
internal static class Unreadable
{
    public static bool Explains(Exception failure) => failure is
        InvalidDataException or FormatException or ArgumentException or OverflowException or InvalidCastException or KeyNotFoundException or JsonException
        // Table storage says so of a key or a value that it cannot hold.
        or RequestFailedException { Status: 400 };
}
