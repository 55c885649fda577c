using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Weir.Api;

namespace Functions.Http;

public sealed class ListControls(ControlsApi controls)
{
    [Function(nameof(ListControls))]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/controls")] HttpRequest request, CancellationToken cancellation) =>
        controls.ListAsync(request, cancellation);
}
