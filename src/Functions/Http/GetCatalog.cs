using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Weir.Api;

namespace Functions.Http;

public sealed class GetCatalog(CatalogApi catalog)
{
    [Function(nameof(GetCatalog))]
    public IResult Run([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/catalog")] HttpRequest request) => catalog.List(request);
}
