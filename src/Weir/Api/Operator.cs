using Microsoft.AspNetCore.Http;
using Weir.Access;

namespace Weir.Api;

/// <summary>Who does something that is kept on record: the key's or principal's name; in development without keys whoever the header says.</summary>
internal static class Operator
{
    public const string Header = "Weir-Operator";
    public const string Anonymous = "anonymous";

    private const int MaxLength = 128;

    public static string Of(HttpRequest request, Caller caller)
    {
        if (!caller.IsAnybody)
            return caller.Name;
        var name = string.Concat(request.Headers[Header].ToString().Where(letter => !char.IsControl(letter))).Trim();
        return name.Length == 0 ? Anonymous : name[..Math.Min(name.Length, MaxLength)];
    }
}
