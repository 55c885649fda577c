using Microsoft.AspNetCore.Http;

namespace Weir.Access;

/// <summary>What signing in from a browser asks of the keys. A page that has found its caller hands him on with <see cref="HandOn"/>.</summary>
public sealed partial class Admission
{
    /// <summary>Development without keys: nobody signs in.</summary>
    internal bool IsOpen => anybody is not null;

    internal bool TakesKeys => keys.Any;

    /// <summary>Whose key this is, for the moment when somebody signs in with it.</summary>
    internal Caller? OwnerOf(string key) => keys.Find(key);

    /// <summary>The key's owner and its hash, as the settings have them now; null when the key is gone.</summary>
    internal (Caller Caller, byte[] Hash)? Named(string name) => keys.Named(name);

    /// <summary>Whose request this is when it comes without a session: everybody's in development, a key's in a header, a principal's.</summary>
    internal Caller? Direct(HttpRequest request) => Identify(request).Caller;

    /// <summary>Makes a request that is put in this process the caller's own. A feature cannot come over the network.</summary>
    internal static void HandOn(HttpContext context, Caller caller) => context.Features.Set(new HandedOn(caller));

    private sealed record HandedOn(Caller Caller);
}
