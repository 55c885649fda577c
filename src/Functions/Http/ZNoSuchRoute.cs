using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Weir.Api;

namespace Functions.Http;

/// <summary>Its name comes after all others: the host tries routes in the order of names, and this one takes everything.</summary>
public sealed class ZNoSuchRoute(UnknownRouteApi api)
{
    [Function(nameof(ZNoSuchRoute))]
    public IResult Run([HttpTrigger(AuthorizationLevel.Anonymous, Route = "{*path}")] HttpRequest request) => api.Answer(request);
}
