using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Weir.Api;

namespace Functions.Http;

/// <summary>Its name comes before GetDeadLetter's: the host tries routes in the order of names, and {id} would take "groups" too.</summary>
public sealed class CountDeadLetters(DeadLettersApi deadLetters)
{
    [Function(nameof(CountDeadLetters))]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/dead-letters/groups")] HttpRequest request, CancellationToken cancellation) =>
        deadLetters.CountAsync(request, cancellation);
}
