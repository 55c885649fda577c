using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Weir;

namespace Dashboard.Reading;

/// <summary>What a face of the API answered: its value, before it is written as JSON, or its problem. A part of a page that could not be read says so and leaves the others alone.</summary>
internal readonly record struct Answer<T>(T? Value, ProblemDetails? Problem) where T : class
{
    public static async Task<Answer<T>> OfAsync(Task<IResult> asked)
    {
        try
        {
            return Of(await asked);
        }
        catch (Exception away) when (StoreAway.Explains(away))
        {
            return new Answer<T>(null, Unreachable.Store);
        }
    }

    public static Answer<T> Of(IResult result) => result is IValueHttpResult<T> { Value: { } value } ? new Answer<T>(value, null) : new Answer<T>(null, Weir.Api.Problem.DetailsOf(result));
}

internal static class Unreachable
{
    public static ProblemDetails Store { get; } = new() { Status = StatusCodes.Status503ServiceUnavailable, Title = "This could not be read", Detail = "A store behind the service did not answer. The page asks again by itself." };
}
