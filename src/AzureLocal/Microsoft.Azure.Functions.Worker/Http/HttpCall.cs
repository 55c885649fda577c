using System.ComponentModel;
using System.Globalization;
using System.Reflection;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing.Patterns;

namespace AzureLocal.Functions;

/// <summary>The request that runs a function, and what the function's parameters take from it.</summary>
internal sealed class HttpCall(HttpContext context) : ITriggerData, IServiceProvidersFeature
{
    private Invocation? invocation;
    private IServiceProvider? services;

    public HttpContext Context => context;

    public string? TraceParent => context.Request.Headers.TraceParent;

    /// <summary>Request and function share one scope of services, made when one of them first asks.</summary>
    public IServiceProvider RequestServices
    {
        get => services ??= invocation!.InstanceServices;
        set => services = value;
    }

    public void ShareServicesWith(Invocation invocation)
    {
        this.invocation = invocation;
        context.Features.Set<IServiceProvidersFeature>(this);
    }

    public static Binder? Bind(FoundFunction function, RoutePattern route, ParameterInfo parameter)
    {
        if (parameter.ParameterType == typeof(HttpRequest))
            return static invocation => ((HttpCall)invocation.Trigger).Context.Request;
        if (parameter == function.Parameter || route.GetParameter(parameter.Name!) is null)
            return null;

        var name = parameter.Name!;
        var otherwise = parameter.HasDefaultValue ? parameter.DefaultValue
            : parameter.ParameterType.IsValueType ? Activator.CreateInstance(parameter.ParameterType)
            : null;
        if (parameter.ParameterType == typeof(string))
            return invocation => RouteValue(invocation, name) ?? otherwise;
        var type = Nullable.GetUnderlyingType(parameter.ParameterType) ?? parameter.ParameterType;
        var converter = TypeDescriptor.GetConverter(type);
        if (!converter.CanConvertFrom(typeof(string)))
            return null;
        return invocation => RouteValue(invocation, name) is { } text ? Convert(converter, text, name, type) : otherwise;
    }

    public IReadOnlyDictionary<string, object?> BindingData() =>
        context.Request.RouteValues.ToDictionary(value => value.Key, value => value.Value, StringComparer.OrdinalIgnoreCase);

    private static string? RouteValue(Invocation invocation, string name)
    {
        var value = ((HttpCall)invocation.Trigger).Context.Request.RouteValues[name];
        return System.Convert.ToString(value, CultureInfo.InvariantCulture) is { Length: > 0 } text ? text : null;
    }

    private static object? Convert(TypeConverter converter, string text, string name, Type type)
    {
        try
        {
            return converter.ConvertFromInvariantString(text);
        }
        catch (Exception reason) when (reason is FormatException or ArgumentException or NotSupportedException)
        {
            throw new FormatException($"The route value '{name}' is '{text}', which is no {type.Name}. A constraint in the route would answer 404.", reason);
        }
    }
}
