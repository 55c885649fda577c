namespace Weir.Access;

/// <summary>What a caller may do. A key has each that it needs; none includes another.</summary>
[Flags]
public enum Scope
{
    None = 0,

    /// <summary>Send jobs, and take back what was sent.</summary>
    Submit = 1,

    /// <summary>See jobs, lists, dead letters and figures.</summary>
    Read = 2,

    /// <summary>Change what the system does: replay, discard, pause, limit.</summary>
    Operate = 4,

    All = Submit | Read | Operate,
}

internal static class Scopes
{
    public static string Name(Scope scope) => scope switch
    {
        Scope.Submit => "submit",
        Scope.Read => "read",
        Scope.Operate => "operate",
        _ => throw new System.Diagnostics.UnreachableException(scope.ToString()),
    };

    /// <summary>Reads names with spaces or commas between them. False when one is none of ours, or there is none.</summary>
    public static bool TryParse(string? text, out Scope scopes)
    {
        scopes = Scope.None;
        foreach (var name in (text ?? "").Split([' ', ','], StringSplitOptions.RemoveEmptyEntries))
        {
            Scope? one = name switch
            {
                "submit" => Scope.Submit,
                "read" => Scope.Read,
                "operate" => Scope.Operate,
                _ => null,
            };
            if (one is null)
                return false;
            scopes |= one.Value;
        }
        return scopes != Scope.None;
    }
}
