using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Weir.Api;

namespace Functions.Http;

public sealed class PutControl(ControlsApi controls)
{
    [Function(nameof(PutControl))]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "put", Route = "api/controls/{kind}/{name}")] HttpRequest request, string kind, string name, CancellationToken cancellation) =>
        controls.PutAsync(request, kind, name, cancellation);
}
