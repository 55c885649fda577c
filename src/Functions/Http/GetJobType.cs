using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Weir.Api;

namespace Functions.Http;

public sealed class GetJobType(CatalogApi catalog)
{
    [Function(nameof(GetJobType))]
    public IResult Run([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/catalog/{type}")] HttpRequest request, string type) => catalog.Get(request, type);
}
