using Microsoft.AspNetCore.Http;

namespace Weir.Api;

/// <summary>What no other route answers. The host's own 404 has no body, and no code to switch on.</summary>
public sealed class UnknownRouteApi
{
    internal UnknownRouteApi()
    {
    }

    public IResult Answer(HttpRequest request) => Problem.NoSuchRoute(request.Method, request.Path);
}
