using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Primitives;
using Weir.Api;
using Weir.Submission;

namespace Dashboard.Actions;

/// <summary>What a form sends, bounded in size and time.</summary>
internal sealed class Form(IReadOnlyDictionary<string, StringValues> fields)
{
    private const string Type = "application/x-www-form-urlencoded";

    /// <summary>The longest payload, when every byte of it is written as %XX.</summary>
    private const int MaxBody = 3 * JobSubmission.MaxPayload + 64 * 1024;

    /// <summary>Null when it is missing or empty.</summary>
    public string? this[string name] => fields.TryGetValue(name, out var values) && values is [{ Length: > 0 } text] ? text : null;

    /// <summary>The page that it stands on.</summary>
    public string Back => this["back"] is { } back && back.StartsWith("/dashboard", StringComparison.Ordinal) ? back : "/dashboard";

    public static async Task<(Form? Form, IResult? Problem)> ReadAsync(HttpRequest request, CancellationToken cancellation)
    {
        var (content, problem) = await RequestBody.ReadBytesAsync(request, [Type], MaxBody, cancellation);
        if (problem is not null)
            return (null, problem);
        try
        {
            using var reader = new FormReader(System.Text.Encoding.UTF8.GetString(content.Span)) { ValueCountLimit = 64, KeyLengthLimit = 100, ValueLengthLimit = MaxBody };
            return (new Form(reader.ReadForm()), null);
        }
        catch (InvalidDataException wrong)
        {
            return (null, Problem.InvalidRequest([new("", wrong.Message)]));
        }
    }
}
