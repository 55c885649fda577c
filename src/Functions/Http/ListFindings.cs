using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Weir.Api;

namespace Functions.Http;

public sealed class ListFindings(FindingsApi findings)
{
    [Function(nameof(ListFindings))]
    public Task<IResult> RunAsync([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/findings")] HttpRequest request, CancellationToken cancellation) =>
        findings.ListAsync(request, cancellation);
}
