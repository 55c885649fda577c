using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Weir.Api;

namespace Functions.Http;

public sealed class GetDeadLetter(DeadLettersApi deadLetters)
{
    [Function(nameof(GetDeadLetter))]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/dead-letters/{id}")] HttpRequest request, string id, CancellationToken cancellation) =>
        deadLetters.GetAsync(request, id, cancellation);
}
