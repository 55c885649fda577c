using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Weir.Api;

namespace Functions.Http;

public sealed class DeleteControl(ControlsApi controls)
{
    [Function(nameof(DeleteControl))]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "delete", Route = "api/controls/{kind}/{name}")] HttpRequest request, string kind, string name, CancellationToken cancellation) =>
        controls.DeleteAsync(request, kind, name, cancellation);
}
