using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Constraints;
using Microsoft.AspNetCore.Routing.Patterns;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.Configuration;

namespace AzureLocal.Functions;

/// <summary>
/// The routes of the HTTP triggers. They are tried in the order of the functions' names, as the Functions host does, and not
/// by ASP.NET Core's precedence: <c>{id}</c> of function A wins over <c>recent</c> of function B. A method that no function
/// takes is 404, not 405.
/// </summary>
internal sealed class HttpRoutes(string prefix)
{
    private readonly List<(FoundFunction Function, RoutePattern Pattern, string Shape, string[]? Methods)> routes = [];
    private readonly List<(Function Function, RoutePattern Pattern)> endpoints = [];

    public int Count => endpoints.Count;

    /// <summary>Reads a trigger's route, and refuses one that another function already answers.</summary>
    public RoutePattern Parse(FoundFunction function, HttpTriggerAttribute trigger, IConfiguration configuration)
    {
        var route = trigger.Route is { Length: > 0 } own
            ? configuration.Resolve(own, $"Function {function.Name}, Route").TrimStart('/')
            : function.Name;
        if (route.Split('/')[0].ToLowerInvariant() is "admin" or "runtime")
            throw function.Refuse($"its route '{route}' begins with a word that the Functions host keeps for itself (admin, runtime).");
        RoutePattern pattern;
        try
        {
            // A constraint, since the metadata that ASP.NET Core has for methods would answer 405.
            var policies = trigger.Methods is { Length: > 0 } methods
                ? new RouteValueDictionary { ["httpMethod"] = new HttpMethodRouteConstraint(methods) }
                : null;
            pattern = RoutePatternFactory.Parse(prefix.Length == 0 ? route : $"{prefix}/{route}", defaults: null, policies);
        }
        catch (RoutePatternException broken)
        {
            throw function.Refuse($"its route '{route}' is not valid: {broken.Message}");
        }

        var shape = Shape(pattern);
        var taken = routes.Find(other => other.Shape == shape && Overlap(other.Methods, trigger.Methods));
        if (taken.Function is not null)
            throw function.Refuse($"its route '{route}' conflicts with that of function {taken.Function.Name}.");
        routes.Add((function, pattern, shape, trigger.Methods));
        return pattern;
    }

    public void Add(Function function, RoutePattern pattern) => endpoints.Add((function, pattern));

    public EndpointDataSource ToDataSource(Func<Function, HttpContext, Task> run) =>
        new DefaultEndpointDataSource(endpoints.Select((endpoint, order) => ToEndpoint(endpoint.Function, endpoint.Pattern, order, run)));

    private static Endpoint ToEndpoint(Function function, RoutePattern pattern, int order, Func<Function, HttpContext, Task> run) =>
        new RouteEndpointBuilder(http => run(function, http), pattern, order) { DisplayName = function.Name }.Build();

    /// <summary>The route without its parameters' names, which cannot tell one route from another.</summary>
    private static string Shape(RoutePattern pattern) =>
        string.Join('/', pattern.PathSegments.Select(segment => string.Concat(segment.Parts.Select(Shape))));

    private static string Shape(RoutePatternPart part) => part switch
    {
        RoutePatternLiteralPart literal => literal.Content.ToLowerInvariant(),
        RoutePatternSeparatorPart separator => separator.Content,
        RoutePatternParameterPart { IsCatchAll: true } => "{*}",
        _ => $"{{{string.Join(':', ((RoutePatternParameterPart)part).ParameterPolicies.Select(policy => policy.Content))}}}",
    };

    private static bool Overlap(string[]? some, string[]? others) =>
        some is not { Length: > 0 } || others is not { Length: > 0 } || some.Intersect(others, StringComparer.OrdinalIgnoreCase).Any();
}
