using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Weir.Api;

namespace Functions.Http;

public sealed class DiscardDeadLetter(DeadLettersApi deadLetters)
{
    [Function(nameof(DiscardDeadLetter))]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "delete", Route = "api/dead-letters/{id}")] HttpRequest request, string id, CancellationToken cancellation) =>
        deadLetters.DiscardAsync(request, id, cancellation);
}
