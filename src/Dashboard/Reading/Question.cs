using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Weir.Access;
using Weir.Api;
using Weir.Submission;

namespace Dashboard.Reading;

/// <summary>
/// A request to a face of the API as the JSON functions get them, made in this process: so that a page sees and does exactly what its visitor could see and do there,
/// with the same checks, the same record of who did it, and the same words for what is wrong.
/// </summary>
internal sealed class Question(HttpContext page, Caller caller)
{
    public HttpRequest Get(params IEnumerable<(string Name, string? Value)> query)
    {
        var context = new DefaultHttpContext { RequestServices = page.RequestServices, RequestAborted = page.RequestAborted };
        Admission.HandOn(context, caller);
        if (page.Request.Headers[Operator.Header] is { Count: > 0 } who)
            context.Request.Headers[Operator.Header] = who;
        context.Connection.RemoteIpAddress = page.Connection.RemoteIpAddress;
        context.Request.QueryString = QueryString.Create(query.Where(one => !string.IsNullOrEmpty(one.Value)).Select(one => KeyValuePair.Create(one.Name, one.Value)));
        return context.Request;
    }

    public HttpRequest Send(JsonNode body, params IEnumerable<(string Name, string? Value)> query) => Send(body.ToJsonString(), query);

    /// <param name="body">JSON, or what an operator takes for it: the face says what is wrong with it.</param>
    public HttpRequest Send(string body, params IEnumerable<(string Name, string? Value)> query)
    {
        var request = Get(query);
        var bytes = System.Text.Encoding.UTF8.GetBytes(body);
        (request.Method, request.ContentType, request.ContentLength, request.Body) = (HttpMethods.Post, RequestBody.Json, bytes.Length, new MemoryStream(bytes));
        return request;
    }
}

internal static class Questions
{
    /// <summary>For whom a caller acts who may act for every tenant.</summary>
    public static HttpRequest For(this HttpRequest request, string? tenant)
    {
        if (!string.IsNullOrEmpty(tenant))
            request.Headers[Admission.TenantHeader] = tenant;
        return request;
    }

    /// <summary>A form that is sent twice does its deed once.</summary>
    public static HttpRequest Once(this HttpRequest request, string? key)
    {
        if (!string.IsNullOrEmpty(key))
            request.Headers[IdempotencyKey.Header] = key;
        return request;
    }
}
