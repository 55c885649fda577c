using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Weir.Api;

namespace Functions.Http;

public sealed class ReplayDeadLetters(DeadLettersApi deadLetters)
{
    [Function(nameof(ReplayDeadLetters))]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/dead-letters/replay")] HttpRequest request, CancellationToken cancellation) =>
        deadLetters.ReplayManyAsync(request, cancellation);
}
