using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker.Extensions.Abstractions;

namespace Microsoft.Azure.Functions.Worker;

public sealed class HttpTriggerAttribute : TriggerBindingAttribute
{
    public HttpTriggerAttribute()
        : this(AuthorizationLevel.Function)
    {
    }

    public HttpTriggerAttribute(params string[] methods)
        : this(AuthorizationLevel.Function, methods)
    {
    }

    public HttpTriggerAttribute(AuthorizationLevel authLevel) => AuthLevel = authLevel;

    public HttpTriggerAttribute(AuthorizationLevel authLevel, params string[] methods)
        : this(authLevel) => Methods = methods;

    /// <summary>Below the route prefix; the function's name when empty.</summary>
    public string? Route { get; set; }

    /// <summary>All methods when null.</summary>
    public string[]? Methods { get; }

    /// <summary>Checked in Azure; this host listens on loopback only and, like <c>func start</c>, asks for no key.</summary>
    public AuthorizationLevel AuthLevel { get; }
}

public enum AuthorizationLevel
{
    Anonymous = 0,
    User = 1,
    Function = 2,
    System = 3,
    Admin = 4,
}

public static class FunctionContextExtensions
{
    /// <summary>The key that the official worker uses, so that middleware which peeks into Items finds it in both builds.</summary>
    internal const string HttpContextKey = "HttpRequestContext";

    /// <summary>The request that runs this function, or null when something else does.</summary>
    public static HttpContext? GetHttpContext(this FunctionContext context) =>
        context.Items.TryGetValue(HttpContextKey, out var value) ? value as HttpContext : null;
}
