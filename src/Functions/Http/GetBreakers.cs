using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Weir.Api;

namespace Functions.Http;

public sealed class GetBreakers(BreakersApi breakers)
{
    [Function(nameof(GetBreakers))]
    public IResult Run([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/breakers")] HttpRequest request) => breakers.List(request);
}
